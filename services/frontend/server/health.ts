/** /healthz: the process is alive. /readyz: it can do its work now, or which dependency keeps it from that. */

import type { Log } from "./log.ts";

/** Milliseconds a dependency has to answer: fewer than the probe that asks for it. */
const CHECK_MS = 4000;

export type Check = (signal: AbortSignal) => Promise<void>;

export class Health {
  draining = false;
  readonly #checks: Record<string, Check>;
  readonly #log: Log;
  #last = "";

  constructor(checks: Record<string, Check>, log: Log) {
    this.#checks = checks;
    this.#log = log;
  }

  async readiness(): Promise<{ status: number; body: unknown }> {
    if (this.draining) return { status: 503, body: { status: "draining" } };
    const missing = Object.fromEntries(
      (await Promise.all(Object.entries(this.#checks).map(async ([name, check]) => [name, await ask(check)] as const))).filter(
        ([, problem]) => problem !== undefined,
      ),
    );
    const names = Object.keys(missing).join();
    if (names !== this.#last) {
      this.#last = names;
      if (names) this.#log("WARNING", "readiness changed", { missing });
      else this.#log("INFO", "ready");
    }
    return names ? { status: 503, body: { status: "not ready", missing } } : { status: 200, body: { status: "ready" } };
  }
}

async function ask(check: Check): Promise<string | undefined> {
  try {
    await check(AbortSignal.timeout(CHECK_MS));
    return undefined;
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    return name === "TimeoutError" ? `no answer within ${CHECK_MS / 1000} s` : message || String(code);
  }
}
