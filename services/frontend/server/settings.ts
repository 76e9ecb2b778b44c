/** Settings, read from the environment and checked before anything starts. */

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

export interface Settings {
  port: number;
  /** Address of the backend, without `/api`. */
  apiBaseUrl: URL;
  logLevel: LogLevel;
  /** Milliseconds between SIGTERM and closing the port: time for the cluster to take this pod out of its endpoints. */
  drainMs: number;
  /** Milliseconds for which a request is sent again that no backend took. */
  repeatMs: number;
  /** Files of the certificate to serve with; plain HTTP without them. */
  tls?: CertificateFiles;
  /** More authorities the backend's certificate may come from. */
  tlsCaFile?: string;
  /** Base address of an OTLP/HTTP collector; no traces without it. */
  otlpEndpoint?: URL;
  development: boolean;
}

export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Throws an Error with one line per variable that is wrong; values are never part of it. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const problems: string[] = [];

  function read<T>(name: string, fallback: string, parse: (text: string) => T | undefined, expected: string): T {
    const value = parse(env[name]?.trim() || fallback);
    if (value === undefined) problems.push(`${name}: must be ${expected}`);
    return value as T;
  }

  const [certFile, keyFile] = [env.TLS_CERT_FILE?.trim(), env.TLS_KEY_FILE?.trim()];
  if (Boolean(certFile) !== Boolean(keyFile)) problems.push("TLS_CERT_FILE, TLS_KEY_FILE: give both or neither");

  const settings: Settings = {
    port: read("PORT", "3000", between(0, 65535), "a port number"),
    apiBaseUrl: read("API_BASE_URL", "http://backend-service:8000", httpUrl, "an http:// or https:// address"),
    logLevel: read("LOG_LEVEL", "INFO", logLevel, `one of ${LOG_LEVELS.join(", ")}`),
    drainMs: 1000 * read("DRAIN_SECONDS", "3", between(0, 8), "a number of seconds from 0 to 8"),
    repeatMs: 1000 * read("REPEAT_SECONDS", "15", between(0, 60), "a number of seconds from 0 to 60"),
    tls: certFile && keyFile ? { certFile, keyFile } : undefined,
    tlsCaFile: env.TLS_CA_FILE?.trim() || undefined,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim()
      ? read("OTEL_EXPORTER_OTLP_ENDPOINT", "", httpUrl, "an http:// or https:// address")
      : undefined,
    development: env.NODE_ENV === "development",
  };
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return settings;
}

function between(low: number, high: number): (text: string) => number | undefined {
  return (text) => {
    const value = Number(text);
    return value >= low && value <= high ? value : undefined;
  };
}

function httpUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url && ["http:", "https:"].includes(url.protocol) ? url : undefined;
}

function logLevel(text: string): LogLevel | undefined {
  return LOG_LEVELS.find((level) => level === text.toUpperCase());
}
