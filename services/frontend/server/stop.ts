/** Ends the process on SIGTERM so that no client notices. */

import type { Server } from "node:http";

import type { Health } from "./health.ts";
import type { Log } from "./log.ts";

/** Milliseconds from the signal to the end of the process: more than the longest answer takes, less than the pods have. */
const STOP_WITHIN_MS = 70_000;

/**
 * First not ready while still serving, new connections too, for `drainMs`: by then the cluster has taken this pod out of
 * its endpoints, and answers have told clients to close their connections. Then the port and what is idle close, and
 * requests in flight finish. A second signal cuts this short.
 */
export function stopOnSignal(server: Server, health: Health, drainMs: number, log: Log, release: () => Promise<void>): void {
  let signals = 0;

  async function exit(code: number): Promise<never> {
    await release();
    log("INFO", "stopped");
    process.exit(code);
  }

  function close(): void {
    server.close(() => void exit(0));
    // Closed by close() if they are idle now; those busy with an answer begun before the signal, when it is finished.
    setInterval(() => server.closeIdleConnections(), 50);
  }

  function stop(signal: NodeJS.Signals): void {
    signals += 1;
    if (signals > 1) {
      void exit(1);
      return;
    }
    health.draining = true;
    const wait = signal === "SIGINT" ? 0 : drainMs;
    log("INFO", "draining", { seconds: wait / 1000 });
    setTimeout(close, wait);
    setTimeout(() => {
      log("WARNING", "requests cut off");
      void exit(1);
    }, Math.max(STOP_WITHIN_MS, wait + 1000)).unref();
  }

  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
