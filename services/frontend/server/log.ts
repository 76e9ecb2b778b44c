/** One JSON object per line on standard output, with the same fields as the other services. */

import { format, stripVTControlCharacters } from "node:util";

import { LOG_LEVELS, type LogLevel } from "./settings.ts";

export type Fields = Record<string, unknown>;
export type Log = (level: LogLevel, message: string, fields?: Fields) => void;

export function makeLog(
  lowest: LogLevel,
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  const threshold = LOG_LEVELS.indexOf(lowest);
  return (level, message, fields) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const timestamp = new Date().toISOString().replace("Z", "+00:00");
    write(`${JSON.stringify({ timestamp, level, service: "frontend", logger: "server", message, ...fields })}\n`);
  };
}

/** Next.js writes to the console: from now on as JSON as well. */
export function captureConsole(log: Log): void {
  const levels = { debug: "DEBUG", log: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" } as const;
  for (const [method, level] of Object.entries(levels) as [keyof typeof levels, LogLevel][]) {
    console[method] = (...values: unknown[]) => {
      log(level, stripVTControlCharacters(format(...values)).trim(), { logger: "next" });
    };
  }
}
