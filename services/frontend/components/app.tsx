"use client";

import { useCallback, useEffect, useState } from "react";

import { api, Problem, type User } from "../lib/api";
import { SignIn } from "./sign-in";
import { Workspace } from "./workspace";
import { Logo } from "./icons";

type State =
  | { view: "loading" }
  | { view: "signed-out"; notice?: string }
  | { view: "unavailable"; reason: string }
  | { view: "signed-in"; user: User };

const EXPIRED = "Your session has expired. Sign in again to go on.";

/** Who is signed in decides what is shown. */
export function App({ hasSession }: { hasSession: boolean }) {
  const [state, setState] = useState<State>({ view: hasSession ? "loading" : "signed-out" });

  const resume = useCallback(async () => {
    setState({ view: "loading" });
    try {
      setState({ view: "signed-in", user: await api.me() });
    } catch (error) {
      const { status, message } = error as Problem;
      setState(status === 401 ? { view: "signed-out", notice: EXPIRED } : { view: "unavailable", reason: message });
    }
  }, []);

  useEffect(() => {
    // The page is complete; see the layout.
    sessionStorage.removeItem("reloads");
  }, []);

  useEffect(() => {
    if (hasSession) void resume();
  }, [hasSession, resume]);

  const onExpired = useCallback(() => setState({ view: "signed-out", notice: EXPIRED }), []);
  const onSignedOut = useCallback(() => setState({ view: "signed-out", notice: "You are signed out." }), []);

  switch (state.view) {
    case "loading":
      return (
        <main className="splash" aria-busy="true">
          <Logo />
          <p role="status">Opening your todos…</p>
        </main>
      );
    case "unavailable":
      return (
        <main className="splash">
          <Logo />
          <p role="alert">{state.reason}</p>
          <button type="button" className="button" onClick={() => void resume()}>
            Try again
          </button>
        </main>
      );
    case "signed-out":
      return <SignIn notice={state.notice} onSignedIn={(user) => setState({ view: "signed-in", user })} />;
    case "signed-in":
      return <Workspace key={state.user.id} user={state.user} onExpired={onExpired} onSignedOut={onSignedOut} />;
  }
}
