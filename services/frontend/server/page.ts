/** The Next.js application as a request handler. */

import { readFileSync } from "node:fs";
import path from "node:path";
import type { NextServerOptions } from "next/dist/server/next.js";

import type { Page } from "./app.ts";

/** `root` is the folder of package.json; for production it is the standalone output, which brings its configuration. */
export async function loadPage(root: string, development: boolean, port: number): Promise<Page> {
  process.env.NEXT_TELEMETRY_DISABLED = "1";
  // This server decides when the process ends.
  process.env.NEXT_MANUAL_SIG_HANDLE = "true";
  const options: NextServerOptions = { dir: root, dev: development, port, hostname: "localhost" };
  if (!development) {
    const built = JSON.parse(readFileSync(path.join(root, ".next/required-server-files.json"), "utf8")) as {
      config: NonNullable<NextServerOptions["conf"]>;
    };
    options.conf = built.config;
    // As the standalone server.js does it: without this Next.js looks for a configuration file and its loaders.
    process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify(built.config);
    process.chdir(root);
  }
  const { default: next } = await import("next");
  const app = next(options);
  await app.prepare();
  const handle = app.getRequestHandler();
  return async (request, response) => {
    await handle(request, response);
  };
}
