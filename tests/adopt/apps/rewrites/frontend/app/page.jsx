"use client";
import { useEffect, useState } from "react";

export default function Page() {
  const [errands, setErrands] = useState([]);
  useEffect(() => {
    fetch("/api/errands").then((answer) => answer.json()).then(setErrands);
  }, []);
  return <main><h1>Errands</h1><ul>{errands.map((one) => <li key={one.id}>{one.title}</li>)}</ul></main>;
}
