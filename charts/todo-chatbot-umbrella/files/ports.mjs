/** Connect to every host:port given, patiently: exit status 0 if all let us in. */

import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const PATIENCE = 30_000; // milliseconds: a NetworkPolicy takes a moment to come into force
const deadline = Date.now() + PATIENCE;

const connect = (address) =>
  new Promise((resolve, reject) => {
    const [host, port] = address.split(":");
    const connection = net.connect({ host, port: Number(port), timeout: 3000 }, () => {
      connection.destroy();
      resolve("open");
    });
    connection.on("timeout", () => connection.destroy(new Error("no answer")));
    connection.on("error", reject);
  });

for (const address of process.argv.slice(1)) {
  for (;;) {
    try {
      console.log(address, await connect(address));
      break;
    } catch (error) {
      if (Date.now() > deadline) {
        console.error(`${address}: ${error.message}`);
        process.exit(1);
      }
      await pause(500);
    }
  }
}
