/** What happens to a request: id, health, metrics, proxy or page, log line. */

import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import { answer, answerJson } from "./answer.ts";
import type { Health } from "./health.ts";
import type { Log } from "./log.ts";
import { type Metrics, routeOf } from "./metrics.ts";
import type { Context, Proxy } from "./proxy.ts";
import { contentSecurityPolicy, makeNonce, SECURITY_HEADERS, STRICT_TRANSPORT } from "./security.ts";
import type { Tracer } from "./tracing.ts";

/** Asked every few seconds by machines: logged at DEBUG only. */
const QUIET = new Set(["/healthz", "/readyz", "/metrics"]);

/** Next.js' own endpoint, unused here: it would write to the disk and fetch what it is told to. */
const IMAGE_OPTIMIZER = "/_next/image";

/** An id from outside is only taken if it cannot forge a log line or grow without bound. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

export type Page = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface Parts {
  health: Health;
  metrics: Metrics;
  proxy: Proxy;
  page: Page;
  tracer?: Tracer;
  log: Log;
  secure: boolean;
  development: boolean;
}

export function makeApp(parts: Parts): RequestListener {
  return (request, response) => {
    const started = performance.now();
    const path = pathOf(request.url ?? "/");
    const route = routeOf(path);
    const method = request.method ?? "GET";
    const requestId = acceptRequestId(request.headers["x-request-id"]);
    const secure = parts.secure || request.headers["x-forwarded-proto"] === "https";
    const span = QUIET.has(path) ? undefined : parts.tracer?.start(`${method} ${route}`, traceparentOf(request));

    response.setHeader("x-request-id", requestId);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (secure) response.setHeader("strict-transport-security", STRICT_TRANSPORT);
    // Clients open their next connection elsewhere, so none is lost when this one goes away.
    if (parts.health.draining) response.shouldKeepAlive = false;

    parts.metrics.inFlight += 1;
    response.once("close", () => {
      const milliseconds = performance.now() - started;
      const status = response.writableFinished ? response.statusCode : "aborted";
      parts.metrics.inFlight -= 1;
      parts.metrics.record(method, route, String(status), milliseconds / 1000);
      span?.end(
        { "http.request.method": method, "url.path": path, "http.route": route, "http.response.status_code": status },
        status === "aborted" || status >= 500,
      );
      parts.log(QUIET.has(path) ? "DEBUG" : "INFO", "request", {
        request_id: requestId,
        trace_id: span?.traceId,
        method,
        path,
        status,
        milliseconds: Math.round(milliseconds * 10) / 10,
        client: request.socket.remoteAddress,
      });
    });

    handle(parts, request, response, path, { requestId, secure, traceparent: span?.traceparent }).catch((error: unknown) => {
      parts.log("ERROR", "unexpected error", { request_id: requestId, exception: (error as Error).stack });
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { detail: "internal error" });
    });
  };
}

async function handle(
  parts: Parts,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  context: Context,
): Promise<void> {
  if (!path.startsWith("/")) {
    // `*`, or a proxy's absolute form: nothing this server has.
    answerJson(response, 400, { detail: "the request target must be a path" });
  } else if (path.startsWith("/api/")) {
    parts.proxy.forward(request, response, context);
  } else if (path === "/healthz") {
    answerJson(response, 200, { status: "ok" });
  } else if (path === "/readyz") {
    const { status, body } = await parts.health.readiness();
    answerJson(response, status, body);
  } else if (path === "/metrics") {
    answer(response, 200, "text/plain; version=0.0.4; charset=utf-8", parts.metrics.render());
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    answerJson(response, 405, { detail: "pages can only be read" });
  } else if (path === IMAGE_OPTIMIZER) {
    answerJson(response, 404, { detail: "not found" });
  } else {
    const policy = contentSecurityPolicy(makeNonce(), parts.development);
    request.headers["content-security-policy"] = policy;
    response.setHeader("content-security-policy", policy);
    await parts.page(request, response);
  }
}

function traceparentOf(request: IncomingMessage): string | undefined {
  const given = request.headers.traceparent;
  return typeof given === "string" ? given : undefined;
}

function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

export function acceptRequestId(given: string | string[] | undefined): string {
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID().replaceAll("-", "");
}
