"use client";

import { type FormEvent, type KeyboardEvent, useCallback, useEffect, useId, useRef, useState } from "react";

import { api, MAX_MESSAGE, Problem } from "../lib/api";
import { SendIcon } from "./icons";
import { RichText } from "./rich-text";

interface Line {
  key: number;
  role: "user" | "assistant" | "failure";
  text: string;
}

interface Props {
  /** Called after each answer, with whether the assistant has changed something. */
  onAnswer: (acted: boolean) => Promise<void>;
  onExpired: () => void;
  /** On a phone: whether this is the view being shown. */
  visible: boolean;
}

const SUGGESTIONS = ["Add buy milk", "What is left today?", "Rename buy milk to buy oat milk"];

/** From how many characters on the user is told how many are left. */
const COUNT_FROM = MAX_MESSAGE - 200;

/** The conversation with the assistant; its answers appear as they are written. */
export function Chat({ onAnswer, onExpired, visible }: Props) {
  const [lines, setLines] = useState<Line[]>();
  const [answer, setAnswer] = useState<string>();
  const [draft, setDraft] = useState("");
  const [flaw, setFlaw] = useState("");
  const [said, setSaid] = useState("");
  const log = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const nextKey = useRef(0);
  const id = useId();
  const waiting = answer !== undefined;
  const left = MAX_MESSAGE - [...draft.trim()].length;

  const append = useCallback((role: Line["role"], text: string) => {
    setLines((before) => [...(before ?? []), { key: nextKey.current++, role, text }]);
  }, []);

  useEffect(() => {
    let current = true;
    api.history().then(
      (items) => {
        if (current) setLines(items.map(({ role, content }) => ({ key: nextKey.current++, role, text: content })));
      },
      (error: Problem) => {
        if (!current) return;
        if (error.status === 401) onExpired();
        else setLines([{ key: nextKey.current++, role: "failure", text: error.message }]);
      },
    );
    return () => {
      current = false;
    };
  }, [onExpired]);

  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [lines, answer, visible]);

  async function send(text: string) {
    if (waiting) return;
    const message = text.trim();
    if (message === "") {
      setFlaw("Write a message first.");
      field.current?.focus();
      return;
    }
    if ([...message].length > MAX_MESSAGE) {
      setFlaw(`That is ${[...message].length - MAX_MESSAGE} characters too long.`);
      field.current?.focus();
      return;
    }
    setFlaw("");
    setDraft("");
    append("user", message);
    setAnswer("");
    // After a failure too the list is read again: the assistant may have done half of it.
    let acted = true;
    let told = "";
    try {
      const answer = await api.chat(message, { onDelta: (piece) => setAnswer((told += piece)) });
      acted = answer.acted;
      append("assistant", answer.reply);
      setSaid(answer.reply);
    } catch (error) {
      const { status, message: reason } = error as Problem;
      if (status === 401) {
        onExpired();
        return;
      }
      if (told !== "") append("assistant", told);
      append("failure", reason);
      setSaid(reason);
      setDraft((now) => now || message);
    } finally {
      setAnswer(undefined);
    }
    await onAnswer(acted);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void send(draft);
    field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send(draft);
  }

  return (
    <section className="pane chat" aria-labelledby={`${id}-title`}>
      <div className="pane-head">
        <p className="kicker">Keeps your list</p>
        <h2 id={`${id}-title`}>Assistant</h2>
      </div>
      <div ref={log} className="log" role="log" aria-live="off" aria-label="Conversation" aria-busy={waiting} tabIndex={0}>
        {lines?.length === 0 && !waiting && (
          <div className="blank">
            <p>
              <strong>Ask me to keep your list.</strong>
            </p>
            <p>Try one of these:</p>
            <ul className="suggestions">
              {SUGGESTIONS.map((suggestion) => (
                <li key={suggestion}>
                  <button type="button" className="chip" onClick={() => void send(suggestion)}>
                    {suggestion}
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
        {lines?.map(({ key, role, text }) => (
          <Bubble key={key} role={role} text={text} />
        ))}
        {answer !== undefined && <Bubble role="assistant" text={answer} />}
      </div>
      <form className="composer" noValidate onSubmit={submit}>
        <label className="visually-hidden" htmlFor={`${id}-field`}>
          Message to the assistant
        </label>
        <textarea
          ref={field}
          id={`${id}-field`}
          rows={1}
          placeholder="Add, complete, ask…"
          enterKeyHint="send"
          value={draft}
          aria-invalid={flaw !== ""}
          aria-describedby={`${id}-flaw`}
          onChange={(event) => {
            setDraft(event.target.value);
            setFlaw("");
          }}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="button round" aria-label="Send" title="Send" aria-disabled={waiting}>
          <SendIcon />
        </button>
        <p id={`${id}-flaw`} className="error" role="alert">
          {flaw}
        </p>
        {!flaw && left <= MAX_MESSAGE - COUNT_FROM && (
          <p className="hint">{left >= 0 ? `${left} characters left` : `${-left} characters too long`}</p>
        )}
      </form>
      {/* Read out once an answer is whole, not word by word. */}
      <p className="visually-hidden" role="status" aria-live="polite">
        {waiting ? "" : said && `Assistant: ${said}`}
      </p>
    </section>
  );
}

const SPEAKER: Record<Line["role"], string> = { user: "You", assistant: "Assistant", failure: "Problem" };

function Bubble({ role, text }: { role: Line["role"]; text: string }) {
  return (
    <div className={`bubble ${role}`}>
      <span className="visually-hidden">{SPEAKER[role]}: </span>
      {text === "" ? (
        <span className="typing">
          <span className="visually-hidden">is writing</span>
          <i />
          <i />
          <i />
        </span>
      ) : role === "assistant" ? (
        <RichText text={text} />
      ) : (
        <p>{text}</p>
      )}
    </div>
  );
}
