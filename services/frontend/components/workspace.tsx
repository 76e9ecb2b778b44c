"use client";

import { useCallback, useEffect, useRef, useState } from "react";

import { api, Problem, type Todo, type User } from "../lib/api";
import { Chat } from "./chat";
import { ChatIcon, LeaveIcon, ListIcon, Logo } from "./icons";
import { TodoList } from "./todo-list";

type Pane = "todos" | "chat";

interface Props {
  user: User;
  onExpired: () => void;
  onSignedOut: () => void;
}

/** The list and the conversation side by side; on a phone one at a time. */
export function Workspace({ user, onExpired, onSignedOut }: Props) {
  const [todos, setTodos] = useState<Todo[]>();
  const [failure, setFailure] = useState("");
  const [pane, setPane] = useState<Pane>("todos");
  const [unseen, setUnseen] = useState(false);
  const title = useRef<HTMLHeadingElement>(null);
  const newest = useRef(0);
  const sent = useRef(new Map<number, Promise<unknown>>());

  const report = useCallback(
    (error: unknown) => {
      const problem = error instanceof Problem ? error : new Problem(0, "Something went wrong. Reload the page.");
      if (problem.status === 401) onExpired();
      else setFailure(problem.message);
      return problem;
    },
    [onExpired],
  );

  const refresh = useCallback(async () => {
    const mine = ++newest.current;
    try {
      const items = await api.todos();
      // An answer that was overtaken by a later question says nothing new.
      if (mine === newest.current) setTodos(items);
    } catch (error) {
      report(error);
    }
  }, [report]);

  useEffect(() => {
    void refresh();
    title.current?.focus();
    const onVisible = () => {
      if (document.visibilityState === "visible") void refresh();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => document.removeEventListener("visibilitychange", onVisible);
  }, [refresh]);

  /** Shows the change at once, asks the server, and shows what the server has in the end. True if it took the change. */
  const change = useCallback(
    async (id: number, apply: (items: Todo[]) => Todo[], send: () => Promise<unknown>) => {
      setFailure("");
      newest.current += 1;
      setTodos((items) => apply(items ?? []));
      let taken = true;
      // Two that are on their way at once may arrive in either order: those of one todo take turns, and so do new ones.
      const answer = (sent.current.get(id) ?? Promise.resolve()).then(send);
      sent.current.set(id, answer.catch(() => undefined));
      try {
        await answer;
      } catch (error) {
        taken = false;
        if (report(error).status === 401) return false;
      }
      await refresh();
      return taken;
    },
    [refresh, report],
  );

  const onAnswer = useCallback(
    (acted: boolean) => {
      if (acted) setUnseen(true);
      return refresh();
    },
    [refresh],
  );

  async function signOut() {
    try {
      await api.logout();
    } catch (error) {
      if ((error as Problem).status !== 401) {
        report(error);
        return;
      }
    }
    onSignedOut();
  }

  function show(next: Pane) {
    setPane(next);
    setUnseen(false);
  }

  return (
    <div className="workspace" data-pane={pane}>
      <header className="bar">
        <h1 className="brand" ref={title} tabIndex={-1}>
          <Logo /> Todo Chatbot
        </h1>
        <p className="who">
          <span className="visually-hidden">Signed in as </span>
          <span className="avatar" aria-hidden="true">
            {user.username.charAt(0).toUpperCase()}
          </span>
          <span className="name">{user.username}</span>
        </p>
        <button type="button" className="button quiet" onClick={() => void signOut()}>
          <LeaveIcon /> Sign out
        </button>
      </header>

      {failure && (
        <div className="failure" role="alert">
          <p>{failure}</p>
          <button type="button" className="button quiet" onClick={() => setFailure("")}>
            Dismiss
          </button>
        </div>
      )}

      <main className="panes">
        <TodoList todos={todos} change={change} />
        <Chat onAnswer={onAnswer} onExpired={onExpired} visible={pane === "chat"} />
      </main>

      <nav className="switch" aria-label="Views">
        <button type="button" aria-current={pane === "todos"} onClick={() => show("todos")}>
          <ListIcon /> Todos
          {unseen && pane === "chat" && <span className="dot" aria-hidden="true" />}
        </button>
        <button type="button" aria-current={pane === "chat"} onClick={() => show("chat")}>
          <ChatIcon /> Chat
        </button>
      </nav>
    </div>
  );
}
