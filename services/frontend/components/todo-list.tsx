"use client";

import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import { api, MAX_TITLE, type Todo } from "../lib/api";
import { PencilIcon, PlusIcon, TrashIcon } from "./icons";

/** Shows the change of a todo at once and lets the server have the last word. True if the server took it. */
export type Change = (
  id: number,
  apply: (items: Todo[]) => Todo[],
  send: () => Promise<unknown>,
) => Promise<boolean>;

/** Stands for the id of a todo that has none yet. */
const NEW = 0;

interface Props {
  /** Undefined until the list has been loaded. */
  todos?: Todo[];
  change: Change;
}

/** Why a title cannot be used, for the user; empty if it can. */
export function flawOf(title: string): string {
  const length = [...title.trim()].length;
  if (length === 0) return "Write what there is to do.";
  if (length > MAX_TITLE) return `That is ${length} characters; a todo can have ${MAX_TITLE}.`;
  return "";
}

/** Open todos first, each group in the order it was written. */
export function inOrder(todos: Todo[]): Todo[] {
  return todos.toSorted((a, b) => Number(a.done) - Number(b.done) || a.id - b.id);
}

/** The page is in English, so its dates are too. */
const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

export function TodoList({ todos, change }: Props) {
  const [said, setSaid] = useState("");
  const [editing, setEditing] = useState<number>();
  const list = useRef<HTMLUListElement>(null);
  const shown = useRef(false);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const sorted = inOrder(todos ?? []);
  const done = sorted.filter((todo) => todo.done).length;

  useEffect(() => {
    if (todos) shown.current = true;
  }, [todos]);

  async function toggle(todo: Todo) {
    const flipped = { ...todo, done: !todo.done };
    const taken = await change(
      todo.id,
      (items) => items.map((item) => (item.id === todo.id ? flipped : item)),
      () => api.changeTodo(todo.id, { done: flipped.done }),
    );
    if (taken) setSaid(`${todo.title}: ${flipped.done ? "done" : "open again"}`);
  }

  async function rename(todo: Todo, title: string) {
    const taken = await change(
      todo.id,
      (items) => items.map((item) => (item.id === todo.id ? { ...item, title } : item)),
      () => api.changeTodo(todo.id, { title }),
    );
    if (taken) setSaid(`Renamed to ${title}`);
  }

  async function remove(todo: Todo) {
    // The button that has the focus goes away: hand the focus to a neighbour, or to the field above an empty list.
    const index = sorted.findIndex((item) => item.id === todo.id);
    const neighbour = sorted[index + 1] ?? sorted[index - 1];
    const target = neighbour && list.current?.querySelector<HTMLElement>(`[data-todo="${neighbour.id}"] .remove`);
    (target ?? field.current)?.focus();
    const taken = await change(
      todo.id,
      (items) => items.filter((item) => item.id !== todo.id),
      () => api.deleteTodo(todo.id),
    );
    if (taken) setSaid(`Deleted ${todo.title}`);
  }

  return (
    <section className="pane todos" aria-labelledby={`${id}-title`}>
      <div className="pane-head">
        <p className="kicker">{DAY.format(new Date())}</p>
        <h2 id={`${id}-title`}>Todos</h2>
        {sorted.length > 0 && (
          <p className="count">
            {sorted.length - done} open <span aria-hidden="true">·</span> {done} done
          </p>
        )}
      </div>
      <NewTodo
        field={field}
        onAdd={async (title) => {
          const taken = await change(
            NEW,
            (items) => items,
            () => api.addTodo(title),
          );
          if (taken) setSaid(`Added ${title}`);
          return taken;
        }}
      />
      {todos === undefined && (
        <p className="blank" role="status">
          Loading…
        </p>
      )}
      {todos?.length === 0 && (
        <div className="blank">
          <p>
            <strong>Nothing to do.</strong>
          </p>
          <p>Write your first todo above, or tell the assistant.</p>
        </div>
      )}
      <ul ref={list} className="items" aria-labelledby={`${id}-title`}>
        {sorted.map((todo) => (
          <Item
            key={todo.id}
            todo={todo}
            added={shown.current}
            editing={editing === todo.id}
            onEdit={(on) => setEditing(on ? todo.id : undefined)}
            onToggle={() => void toggle(todo)}
            onRename={(title) => void rename(todo, title)}
            onRemove={() => void remove(todo)}
          />
        ))}
      </ul>
      <p className="visually-hidden" role="status">
        {said}
      </p>
    </section>
  );
}

interface NewTodoProps {
  field: React.RefObject<HTMLInputElement | null>;
  onAdd: (title: string) => Promise<boolean>;
}

function NewTodo({ field, onAdd }: NewTodoProps) {
  const [title, setTitle] = useState("");
  const [flaw, setFlaw] = useState("");
  const id = useId();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const problem = flawOf(title);
    setFlaw(problem);
    field.current?.focus();
    if (problem) return;
    setTitle("");
    // What could not be saved is given back, unless something else has been written since.
    if (!(await onAdd(title.trim()))) setTitle((now) => now || title);
  }

  return (
    <form className="new-todo" noValidate onSubmit={submit}>
      <label className="visually-hidden" htmlFor={`${id}-field`}>
        New todo
      </label>
      <input
        ref={field}
        id={`${id}-field`}
        type="text"
        placeholder="What is there to do?"
        autoComplete="off"
        enterKeyHint="done"
        value={title}
        aria-invalid={flaw !== ""}
        aria-describedby={`${id}-flaw`}
        onChange={(event) => {
          setTitle(event.target.value);
          if (flaw) setFlaw("");
        }}
      />
      <button type="submit" className="button">
        <PlusIcon /> Add
      </button>
      <p id={`${id}-flaw`} className="error" role="alert">
        {flaw}
      </p>
    </form>
  );
}

interface ItemProps {
  todo: Todo;
  /** Whether it has come to a list that was already on the screen. */
  added: boolean;
  editing: boolean;
  onEdit: (on: boolean) => void;
  onToggle: () => void;
  onRename: (title: string) => void;
  onRemove: () => void;
}

function Item({ todo, added, editing, onEdit, onToggle, onRename, onRemove }: ItemProps) {
  const [fresh] = useState(added);
  const pencil = useRef<HTMLButtonElement>(null);
  const id = useId();

  function leave(keepFocus: boolean) {
    onEdit(false);
    // The button is drawn again with the next frame.
    if (keepFocus) requestAnimationFrame(() => pencil.current?.focus());
  }

  return (
    <li className="item" data-todo={todo.id} data-done={todo.done || undefined} data-fresh={fresh || undefined}>
      <input
        id={`${id}-done`}
        type="checkbox"
        checked={todo.done}
        onChange={onToggle}
        aria-label={`Done: ${todo.title}`}
      />
      {editing ? (
        <EditTitle
          title={todo.title}
          onSave={(title, keepFocus) => {
            leave(keepFocus);
            if (title !== todo.title) onRename(title);
          }}
          onCancel={() => leave(true)}
        />
      ) : (
        <>
          <span className="title" onDoubleClick={() => onEdit(true)}>
            {todo.title}
          </span>
          <span className="tools">
            <button
              ref={pencil}
              type="button"
              className="tool"
              aria-label={`Edit ${todo.title}`}
              title="Edit"
              onClick={() => onEdit(true)}
            >
              <PencilIcon />
            </button>
            <button
              type="button"
              className="tool remove"
              aria-label={`Delete ${todo.title}`}
              title="Delete"
              onClick={onRemove}
            >
              <TrashIcon />
            </button>
          </span>
        </>
      )}
    </li>
  );
}

interface EditTitleProps {
  title: string;
  onSave: (title: string, keepFocus: boolean) => void;
  onCancel: () => void;
}

/** Enter saves, Escape goes back, leaving the field saves what can be saved. */
function EditTitle({ title, onSave, onCancel }: EditTitleProps) {
  const [text, setText] = useState(title);
  const [flaw, setFlaw] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const settled = useRef(false);
  const id = useId();

  useEffect(() => field.current?.select(), []);

  function settle(finish: () => void) {
    if (settled.current) return;
    settled.current = true;
    finish();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      settle(onCancel);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const problem = flawOf(text);
      setFlaw(problem);
      if (!problem) settle(() => onSave(text.trim(), true));
    }
  }

  return (
    <span className="edit">
      <input
        ref={field}
        type="text"
        aria-label={`New title of ${title}`}
        aria-invalid={flaw !== ""}
        aria-describedby={`${id}-flaw`}
        autoFocus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setFlaw("");
        }}
        onKeyDown={onKeyDown}
        onBlur={() => settle(() => (flawOf(text) ? onCancel() : onSave(text.trim(), false)))}
      />
      <span id={`${id}-flaw`} className="error" role="alert">
        {flaw}
      </span>
    </span>
  );
}
