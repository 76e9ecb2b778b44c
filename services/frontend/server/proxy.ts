/** Passes `/api/*` on to the backend: bodies stream both ways, nothing is buffered that need not be. */

import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import https from "node:https";
import { pipeline } from "node:stream";

import { answerJson } from "./answer.ts";
import type { Log } from "./log.ts";

/** Meant for one connection only (RFC 9110, 7.6.1), so never passed on. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** May be sent a second time without another effect (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Milliseconds an idle connection is kept: less than the backend's own keep-alive, so that this side closes first. */
const IDLE_MS = 15_000;

/** Milliseconds without a byte from the backend. A chat answer may think for long, but its stream must not be silent. */
const SILENCE_MS = 120_000;

/** How often a request is sent whose connection was cut: by one that was pooled too long, and by two backends that end. */
const ATTEMPTS = 4;

/** Milliseconds before a request is sent again: at first, doubled each time, and at most. */
const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** What a backend that is just ending does to a connection. */
const CUT = new Set(["ECONNRESET", "EPIPE"]);

/** Nobody took the connection, so nothing was sent: the next one may lead to a backend that has started meanwhile. */
const NOT_TAKEN = new Set(["ECONNREFUSED", "EHOSTUNREACH", "EAI_AGAIN"]);

const UNREACHABLE = "the backend cannot be reached, try again in a moment";
const BROKE_OFF = "the backend broke off before it answered, and may have done it: look, then try again";

export interface Context {
  requestId: string;
  /** The span of this request, if it is traced. */
  traceparent?: string;
  /** Whether the browser came by TLS. */
  secure: boolean;
}

export class Proxy {
  readonly #base: URL;
  readonly #log: Log;
  readonly #client: typeof http | typeof https;
  readonly #pool: http.Agent;
  readonly #single: http.Agent;
  readonly #repeatMs: number;

  /** `repeatMs` is how long what no backend took is sent again; `ca` holds more authorities to trust, in PEM. */
  constructor(base: URL, log: Log, repeatMs: number, ca?: string[]) {
    this.#base = base;
    this.#log = log;
    this.#repeatMs = repeatMs;
    this.#client = base.protocol === "https:" ? https : http;
    const { Agent } = this.#client;
    this.#pool = new Agent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 64, scheduling: "lifo", ca } as object);
    this.#single = new Agent({ keepAlive: false, ca } as object);
  }

  /** Rejects unless the backend says that it is alive. */
  async check(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const options = { ...destination(this.#base, "/healthz"), agent: this.#single, signal };
      const outgoing = this.#client.get(options, (incoming) => {
        incoming.resume();
        if (incoming.statusCode === 200) resolve();
        else reject(new Error(`/healthz answered ${incoming.statusCode}`));
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => reject(signal.aborted ? signal.reason : error));
    });
  }

  close(): void {
    this.#pool.destroy();
    this.#single.destroy();
  }

  forward(request: IncomingMessage, response: ServerResponse, context: Context): void {
    this.#send(request, response, context, 1, performance.now() + this.#repeatMs);
  }

  #send(
    request: IncomingMessage,
    response: ServerResponse,
    context: Context,
    attempt: number,
    deadline: number,
  ): void {
    const method = request.method ?? "GET";
    const repeatable = IDEMPOTENT.has(method) && !hasBody(request.headers);
    const outgoing = this.#client.request({
      ...destination(this.#base, request.url ?? "/"),
      method,
      headers: requestHeaders(request, context),
      // What must not be sent twice never goes out on a pooled connection that the backend may be closing right now,
      // nor does what has met such a one: the next in the pool may lead to the same backend.
      agent: repeatable && attempt === 1 ? this.#pool : this.#single,
    });
    // A reader who goes away must not keep the backend working.
    const stop = () => {
      if (!response.writableFinished) outgoing.destroy();
    };
    outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error(`no byte for ${SILENCE_MS / 1000} s`)));
    outgoing.on("response", (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.headers));
      // The first event of a stream may be seconds away: the status must not wait for it.
      response.flushHeaders();
      pipeline(incoming, response, (error) => {
        // A reader who went away is in the log line of the request.
        if (error && !response.destroyed) {
          this.#log("WARNING", "answer broke off", { request_id: context.requestId, error: error.message });
          response.destroy();
        }
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      if (response.writableEnded || response.destroyed) return;
      if (response.headersSent) {
        // Half an answer must not look like a whole one.
        response.destroy();
        return;
      }
      const code = error.code ?? "";
      const pause = Math.min(PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      const again = NOT_TAKEN.has(code)
        ? performance.now() + pause < deadline
        : repeatable && CUT.has(code) && attempt < ATTEMPTS;
      if (again) {
        response.off("close", stop);
        this.#log("INFO", "a request is sent again", { request_id: context.requestId, error: code });
        setTimeout(() => {
          if (!response.destroyed) this.#send(request, response, context, attempt + 1, deadline);
        }, pause);
        return;
      }
      this.#log("WARNING", "backend unreachable", { request_id: context.requestId, error: error.code ?? error.message });
      request.unpipe(outgoing);
      request.resume();
      answerJson(response, 502, { detail: repeatable || NOT_TAKEN.has(code) ? UNREACHABLE : BROKE_OFF });
    });
    response.once("close", stop);
    if (repeatable) outgoing.end();
    // Until somebody takes the connection the body stays with the reader's, where the next time finds it whole.
    else outgoing.once("socket", (socket) => socket.once("connect", () => request.pipe(outgoing)));
  }
}

/** Where a request target goes. It is passed on as it came: resolving `..` here could lead out of `/api`. */
export function destination(base: URL, target: string): RequestOptions {
  const { protocol, hostname, port } = base;
  const path = base.pathname.replace(/\/+$/, "") + target.replace(/[^\x21-\x7e]/g, percentEncode);
  return { protocol, hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port, path };
}

/** Node.js hands over bytes beyond ASCII as characters of that value, and refuses to send them. */
function percentEncode(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`;
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Headers that belong to the message and not to the connection. */
export function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? "").toLowerCase().split(",").map((name) => name.trim()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name)),
  );
}

function requestHeaders(request: IncomingMessage, context: Context): OutgoingHttpHeaders {
  const headers = endToEnd(request.headers);
  const peer = request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
  const before = headers["x-forwarded-for"];
  headers["x-forwarded-for"] = before ? `${String(before)}, ${peer}` : peer;
  headers["x-forwarded-host"] ??= headers.host;
  headers["x-forwarded-proto"] ??= context.secure ? "https" : "http";
  headers["x-request-id"] = context.requestId;
  if (context.traceparent) headers.traceparent = context.traceparent;
  // The name in `Host` must be the backend's.
  delete headers.host;
  return headers;
}
