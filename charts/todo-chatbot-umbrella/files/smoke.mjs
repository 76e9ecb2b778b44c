/** Fetch every URL given, patiently: exit status 0 if all answered 200. TLS_CA_FILE names a further authority. */

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";

const PATIENCE = 30_000; // milliseconds: a NetworkPolicy takes a moment to come into force

const file = process.env.TLS_CA_FILE;
const ca = file ? [...tls.rootCertificates, readFileSync(file, "utf8")] : undefined;
const deadline = Date.now() + PATIENCE;

const fetchStatus = (url) =>
  new Promise((resolve, reject) => {
    const client = url.startsWith("https:") ? https : http;
    const options = { ca, timeout: 3000, agent: false };
    const request = client.get(url, options, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve(answer.statusCode);
      else reject(new Error(`status ${answer.statusCode}`));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });

for (const url of process.argv.slice(1)) {
  for (;;) {
    try {
      console.log(url, await fetchStatus(url));
      break;
    } catch (error) {
      if (Date.now() > deadline) {
        console.error(`${url}: ${error.message}`);
        process.exit(1);
      }
      await pause(500);
    }
  }
}
