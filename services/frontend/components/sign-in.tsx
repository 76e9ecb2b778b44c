"use client";

import { type FormEvent, useEffect, useId, useRef, useState } from "react";

import { api, Problem, type User } from "../lib/api";
import { CheckIcon, Logo } from "./icons";

const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{2,63}$/;
const MIN_PASSWORD = 8;
const MAX_PASSWORD = 128;

type Mode = "sign-in" | "register";

const WORDS: Record<Mode, { title: string; submit: string; busy: string; question: string; other: string }> = {
  "sign-in": {
    title: "Welcome back",
    submit: "Sign in",
    busy: "Signing in…",
    question: "New here?",
    other: "Create an account",
  },
  register: {
    title: "Create your account",
    submit: "Create account",
    busy: "Creating…",
    question: "Have an account?",
    other: "Sign in instead",
  },
};

interface Props {
  /** Why the user is here, if there is something to say. */
  notice?: string;
  onSignedIn: (user: User) => void;
}

/** Sign in, or make an account. */
export function SignIn({ notice, onSignedIn }: Props) {
  const [mode, setMode] = useState<Mode>("sign-in");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [ready, setReady] = useState(false);
  const username = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const id = useId();
  const words = WORDS[mode];

  useEffect(() => {
    // Until the page can handle it, the form must not be sent the browser's way.
    setReady(true);
    username.current?.focus();
  }, []);

  function fail(message: string, field: HTMLInputElement | null) {
    setError(message);
    field?.focus();
    field?.select();
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const name = username.current?.value.trim() ?? "";
    const secret = password.current?.value ?? "";
    const problem = check(mode, name, secret);
    if (problem) {
      fail(problem.message, problem.field === "username" ? username.current : password.current);
      return;
    }
    setError("");
    setBusy(true);
    try {
      onSignedIn(await (mode === "register" ? api.register(name, secret) : api.login(name, secret)));
    } catch (failure) {
      const { status, message } = failure as Problem;
      setBusy(false);
      fail(status === 401 ? "Wrong user name or password." : message, status === 409 ? username.current : password.current);
    }
  }

  function swap() {
    setMode(mode === "register" ? "sign-in" : "register");
    setError("");
    username.current?.focus();
  }

  return (
    <main className="entrance">
      <section className="pitch" aria-labelledby={`${id}-pitch`}>
        <p className="brand">
          <Logo /> Todo Chatbot
        </p>
        <h1 id={`${id}-pitch`}>
          Say it, <em>and it’s on the list.</em>
        </h1>
        <p className="lead">A list you can edit by hand, and an assistant that keeps it for you. Both always agree.</p>
        <div className="sample" aria-hidden="true">
          <p className="bubble user">Add buy milk, then add call grandma</p>
          <p className="bubble assistant">Both are on your list.</p>
          <ul className="checks">
            <li>
              <span className="tick" /> Buy milk
            </li>
            <li>
              <span className="tick" /> Call grandma
            </li>
            <li className="done">
              <span className="tick">
                <CheckIcon />
              </span>{" "}
              Water the plants
            </li>
          </ul>
        </div>
      </section>

      <section className="card" aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>{words.title}</h2>
        {notice && !error && (
          <p className="notice" role="status">
            {notice}
          </p>
        )}
        <form method="post" noValidate onSubmit={submit} aria-labelledby={`${id}-title`}>
          <div className="field">
            <label htmlFor={`${id}-username`}>User name</label>
            <input
              ref={username}
              id={`${id}-username`}
              name="username"
              type="text"
              autoComplete="username"
              autoCapitalize="none"
              autoCorrect="off"
              spellCheck={false}
              required
              aria-describedby={`${id}-error`}
            />
          </div>
          <div className="field">
            <label htmlFor={`${id}-password`}>Password</label>
            <input
              ref={password}
              id={`${id}-password`}
              name="password"
              type="password"
              autoComplete={mode === "register" ? "new-password" : "current-password"}
              required
              aria-describedby={mode === "register" ? `${id}-hint ${id}-error` : `${id}-error`}
            />
            {mode === "register" && (
              <p id={`${id}-hint`} className="hint">
                At least {MIN_PASSWORD} characters.
              </p>
            )}
          </div>
          <p id={`${id}-error`} className="error" role="alert">
            {error}
          </p>
          <button type="submit" className="button wide" disabled={!ready} aria-disabled={busy}>
            {busy ? words.busy : words.submit}
          </button>
        </form>
        <p className="swap">
          {words.question}{" "}
          <button type="button" className="link" onClick={swap}>
            {words.other}
          </button>
        </p>
        <noscript>
          <p className="error">This page needs JavaScript.</p>
        </noscript>
      </section>
    </main>
  );
}

interface Flaw {
  field: "username" | "password";
  message: string;
}

/** What the API would refuse, said before it is asked. Signing in says nothing about what a password looks like. */
export function check(mode: Mode, username: string, password: string): Flaw | undefined {
  if (username === "") return { field: "username", message: "Enter your user name." };
  if (!USERNAME.test(username)) {
    const message = "A user name has 3 to 64 letters, digits or . _ @ + - and starts with a letter or digit.";
    return { field: "username", message };
  }
  if (password === "") return { field: "password", message: "Enter your password." };
  if (mode === "register" && password.length < MIN_PASSWORD) {
    return { field: "password", message: `The password needs at least ${MIN_PASSWORD} characters.` };
  }
  if (mode === "register" && password.length > MAX_PASSWORD) {
    return { field: "password", message: `The password can have up to ${MAX_PASSWORD} characters.` };
  }
  return undefined;
}
