/** OpenTelemetry traces over OTLP/HTTP with JSON, only when a collector is configured. */

import { randomBytes } from "node:crypto";

import type { Log } from "./log.ts";

/** Milliseconds between exports, and how many spans may wait for one; more are dropped, never kept. */
const EXPORT_MS = 5000;
const MAX_WAITING = 2048;
const EXPORT_TIMEOUT_MS = 3000;

/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

const SERVER_KIND = 2;
const STATUS_ERROR = 2;

type Attributes = Record<string, string | number>;

export interface Span {
  traceId: string;
  /** To be sent along, so that the next service's span becomes this one's child. */
  traceparent: string;
  end: (attributes: Attributes, failed: boolean) => void;
}

export class Tracer {
  #waiting: object[] = [];
  readonly #url: string;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;

  constructor(endpoint: URL, log: Log) {
    this.#url = `${endpoint.href.replace(/\/+$/, "")}/v1/traces`;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), EXPORT_MS).unref();
  }

  /** A span for a request being served, child of the caller's if it has one. */
  start(name: string, traceparent: string | undefined): Span {
    const [, parentTrace, parentSpan, flags = "01"] = TRACEPARENT.exec(traceparent ?? "") ?? [];
    const traceId = parentTrace ?? randomBytes(16).toString("hex");
    const spanId = randomBytes(8).toString("hex");
    const sampled = (parseInt(flags, 16) & 1) === 1;
    const started = nanoseconds();
    return {
      traceId,
      traceparent: `00-${traceId}-${spanId}-${flags}`,
      end: (attributes, failed) => {
        if (!sampled || this.#waiting.length >= MAX_WAITING) return;
        this.#waiting.push({
          traceId,
          spanId,
          parentSpanId: parentSpan,
          name,
          kind: SERVER_KIND,
          startTimeUnixNano: started,
          endTimeUnixNano: nanoseconds(),
          attributes: encode(attributes),
          status: failed ? { code: STATUS_ERROR } : {},
        });
      },
    };
  }

  /** Sends what is waiting. A collector that is away costs its spans and one log line, nothing else. */
  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const spans = this.#waiting;
    this.#waiting = [];
    const resource = { attributes: encode({ "service.name": "frontend" }) };
    try {
      const answer = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "server" }, spans }] }] }),
        signal: AbortSignal.timeout(EXPORT_TIMEOUT_MS),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
    } catch (error) {
      this.#log("WARNING", "traces not exported", { spans: spans.length, error: (error as Error).message });
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}

function nanoseconds(): string {
  return String(Math.round((performance.timeOrigin + performance.now()) * 1000) * 1000);
}

function encode(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
}
