/** Runs the page and its proxy: one process, JSON logs, TLS when mounted, and a SIGTERM that no client notices. */

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import tls from "node:tls";

import { makeApp } from "./app.ts";
import { readCertificate, watchCertificate } from "./certificate.ts";
import { Health } from "./health.ts";
import { captureConsole, makeLog } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { loadPage } from "./page.ts";
import { Proxy } from "./proxy.ts";
import { readSettings, type Settings } from "./settings.ts";
import { stopOnSignal } from "./stop.ts";
import { Tracer } from "./tracing.ts";

/** Milliseconds an idle connection stays open; longer than a proxy in front keeps one, so that the proxy closes first. */
const KEEP_ALIVE_MS = 75_000;

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

const settings = settingsOrExit();
const log = makeLog(settings.logLevel);
const ca = settings.tlsCaFile ? [...tls.rootCertificates, readFileSync(settings.tlsCaFile, "utf8")] : undefined;
const proxy = new Proxy(settings.apiBaseUrl, log, settings.repeatMs, ca);
const health = new Health({ backend: (signal) => proxy.check(signal) }, log);
captureConsole(log);
const page = await loadPage(path.dirname(import.meta.dirname), settings.development, settings.port);

const tracer = settings.otlpEndpoint && new Tracer(settings.otlpEndpoint, log);
const app = makeApp({
  health,
  metrics: new Metrics(),
  proxy,
  page,
  tracer,
  log,
  secure: settings.tls !== undefined,
  development: settings.development,
});
const server = listenerFor(settings, app);
server.keepAliveTimeout = KEEP_ALIVE_MS;

stopOnSignal(server, health, settings.drainMs, log, async () => {
  proxy.close();
  await tracer?.close();
});
server.listen(settings.port, () => {
  const { port } = server.address() as AddressInfo;
  log("INFO", "listening", { port, api: settings.apiBaseUrl.origin, start_ms: Math.round(performance.now()) });
});

function listenerFor({ tls }: Settings, handler: http.RequestListener): http.Server {
  if (!tls) return http.createServer(handler);
  const secured = https.createServer(readCertificate(tls), handler);
  watchCertificate(secured, tls, log);
  return secured;
}
