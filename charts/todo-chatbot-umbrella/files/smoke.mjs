/** Fetch every URL, patiently: exit status 0 if all answered 200 (tcp: the port is open). TLS_CA_FILE: an authority. */

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
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

const connect = (url) =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const connection = net.connect({ host: hostname, port: Number(port), timeout: 3000 }, () => {
      connection.destroy();
      resolve("open");
    });
    connection.on("timeout", () => connection.destroy(new Error("no answer")));
    connection.on("error", reject);
  });

for (const url of process.argv.slice(1)) {
  for (;;) {
    try {
      console.log(url, await (url.startsWith("tcp:") ? connect : fetchStatus)(url));
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
