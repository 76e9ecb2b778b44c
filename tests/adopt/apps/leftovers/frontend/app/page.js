"use client";

export default function Page() {
  fetch(process.env.NEXT_PUBLIC_API_BASE + "/tasks");
  return <h1>Leftovers</h1>;
}
