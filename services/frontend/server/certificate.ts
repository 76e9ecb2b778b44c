/** Loads a renewed certificate into a running server; connections already open keep the old one. */

import { readFileSync } from "node:fs";
import type { Server } from "node:https";

import type { Log } from "./log.ts";
import type { CertificateFiles } from "./settings.ts";

/** Milliseconds between looks at the mounted files. */
const CHECK_MS = 30_000;

export function readCertificate({ certFile, keyFile }: CertificateFiles): { cert: string; key: string } {
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

export function watchCertificate(server: Server, files: CertificateFiles, log: Log): void {
  let loaded = readCertificate(files).cert;
  setInterval(() => {
    try {
      const found = readCertificate(files);
      if (found.cert === loaded) return;
      server.setSecureContext(found);
      loaded = found.cert;
      log("INFO", "loaded the renewed certificate");
    } catch (error) {
      // Half-written files fit together at the next look.
      log("WARNING", "the mounted certificate cannot be loaded", { error: (error as Error).message });
    }
  }, CHECK_MS).unref();
}
