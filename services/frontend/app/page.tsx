import { cookies } from "next/headers";

import { App } from "../components/app";

/** The whole application. The cookie is only a hint which view to draw first; the backend decides who is signed in. */
export default async function Home() {
  const hasSession = (await cookies()).has("session");
  return <App hasSession={hasSession} />;
}
