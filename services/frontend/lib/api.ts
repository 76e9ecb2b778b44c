/** The backend's API as the page sees it: same origin, session cookie. */

export interface User {
  id: number;
  username: string;
}

export interface Todo {
  id: number;
  title: string;
  done: boolean;
  created_at: string;
  updated_at: string;
}

export interface Message {
  role: "user" | "assistant";
  content: string;
  created_at: string;
}

export interface ChatHandlers {
  /** A piece of the answer. */
  onDelta: (text: string) => void;
}

export interface Answer {
  reply: string;
  /** Whether the assistant has changed something for it. */
  acted: boolean;
}

export const MAX_TITLE = 200;
export const MAX_MESSAGE = 2000;

/** An answer that is not a success. The message is for the user. */
export class Problem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const OFFLINE = "The server cannot be reached. Check your connection and try again.";
const BROKEN = "Something went wrong on our side. Try again in a moment.";
const CUT_OFF = "The answer was cut off. What was done by then is in your list: look there, then ask again.";

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      cache: "no-store",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, OFFLINE);
  }
  if (!response.ok) throw new Problem(response.status, await detailOf(response));
  return response;
}

async function detailOf(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === "string" && detail !== "") return sentence(detail);
  } catch {
    // Not the API's own answer, for example a proxy's page: our words below.
  }
  return BROKEN;
}

/** The API writes its reasons in lower case and without a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await call(method, path, body)).json()) as T;
}

interface Login {
  user: User;
}

export const api = {
  register: async (username: string, password: string) =>
    (await json<Login>("POST", "/auth/register", { username, password })).user,
  login: async (username: string, password: string) =>
    (await json<Login>("POST", "/auth/login", { username, password })).user,
  logout: async () => void (await call("POST", "/auth/logout")),
  me: () => json<User>("GET", "/auth/me"),
  todos: async () => (await json<{ items: Todo[] }>("GET", "/todos")).items,
  addTodo: (title: string) => json<Todo>("POST", "/todos", { title }),
  changeTodo: (id: number, change: Partial<Pick<Todo, "title" | "done">>) =>
    json<Todo>("PATCH", `/todos/${id}`, change),
  deleteTodo: async (id: number) => void (await call("DELETE", `/todos/${id}`)),
  history: async () => (await json<{ items: Message[] }>("GET", "/chat/history")).items,

  /** Sends a message and resolves with the whole answer. */
  async chat(message: string, { onDelta }: ChatHandlers): Promise<Answer> {
    const response = await call("POST", "/chat/stream", { message });
    if (!response.body) throw new Problem(0, CUT_OFF);
    try {
      for await (const { event, data } of readEvents(response.body)) {
        if (event === "delta") onDelta(String(data.text ?? ""));
        else if (event === "error") throw new Problem(200, String(data.message ?? BROKEN));
        else if (event === "done") return { reply: String(data.reply ?? ""), acted: anyChange(data.actions) };
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
    }
    throw new Problem(0, CUT_OFF);
  },
};

/** Whether one of the tools the assistant used does more than read. */
function anyChange(actions: unknown): boolean {
  return Array.isArray(actions) && actions.some((action: { tool?: string }) => action.tool !== "list_todos");
}

interface ServerSentEvent {
  event: string;
  data: Record<string, unknown>;
}

/** Server-sent events of a body; comments and fields this page has no use for are skipped. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function parseBlock(block: string): ServerSentEvent | undefined {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length > 0 ? { event, data: JSON.parse(data.join("\n")) as Record<string, unknown> } : undefined;
}
