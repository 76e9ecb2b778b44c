/**
 * Builds the application into .next/standalone, ready to run with `node server/main.ts`.
 *
 * The same sources give the same files: what Next.js would draw at random (build id, keys of features this application
 * does not use) is derived from the sources, and times of change are set to the epoch.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";

const SOURCES = ["app", "components", "lib", "server", "build.mjs", "next.config.mjs", "package-lock.json", "tsconfig.json"];
const OUTPUT = ".next/standalone";

function filesIn(entry) {
  const names = readdirSync(entry, { recursive: true, withFileTypes: true });
  return names.filter((name) => name.isFile()).map((name) => path.join(name.parentPath, name.name));
}

function digestOfSources() {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap((entry) => (path.extname(entry) ? [entry] : filesIn(entry))).sort()) {
    hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

const digest = digestOfSources();
const derive = (purpose) => createHash("sha256").update(`${purpose}\0${digest}`).digest();

/** Next.js draws the keys of its preview mode with every build. */
function settlePreviewKeys() {
  const files = ["prerender-manifest.json", "server/preview-props.json"].map((name) => `${OUTPUT}/.next/${name}`);
  const drawn = Object.entries(JSON.parse(readFileSync(files[1], "utf8")));
  for (const file of files) {
    const settled = drawn.reduce(
      (text, [name, key]) => text.replaceAll(key, derive(name).toString("hex").slice(0, key.length)),
      readFileSync(file, "utf8"),
    );
    writeFileSync(file, settled);
  }
}

rmSync(OUTPUT, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ["node_modules/next/dist/bin/next", "build"], {
  stdio: "inherit",
  env: {
    ...process.env,
    BUILD_ID: digest.slice(0, 16),
    NEXT_SERVER_ACTIONS_ENCRYPTION_KEY: derive("server actions").toString("base64"),
    NEXT_TELEMETRY_DISABLED: "1",
  },
});
if (status !== 0) process.exit(status ?? 1);

cpSync(".next/static", `${OUTPUT}/.next/static`, { recursive: true });
cpSync("server", `${OUTPUT}/server`, { recursive: true });
settlePreviewKeys();
// Next.js' own entry point: this application has another.
rmSync(`${OUTPUT}/server.js`);
for (const entry of readdirSync(OUTPUT, { recursive: true })) utimesSync(path.join(OUTPUT, entry), 0, 0);
utimesSync(OUTPUT, 0, 0);
