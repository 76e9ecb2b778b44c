// Neon's driver speaks to its vendor's service alone: SQL over HTTPS, and PostgreSQL's protocol in a WebSocket. What it
// asks of another host goes, from within the same process, to the PostgreSQL there. Loaded before the program.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import net from "node:net";

const text = (value) => Buffer.from(`${value}\0`);
const message = (kind, ...parts) => {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
};
const short = (value) => Buffer.from([value >> 8, value & 255]);
const long = (value) => { const four = Buffer.alloc(4); four.writeInt32BE(value); return four; };

// Split what comes into messages: the first of a client has no kind.
const messages = (take, headless = false) => {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const start = headless ? 0 : 1;
      if (held.length < start + 4 || held.length < start + held.readInt32BE(start)) return;
      const end = start + held.readInt32BE(start);
      const kind = headless ? "" : String.fromCharCode(held[0]);
      const body = held.subarray(start + 4, end), whole = held.subarray(0, end);
      [held, headless] = [held.subarray(end), false];
      take(kind, body, whole);
    }
  };
};

const ERROR = {
  S: "severity", C: "code", M: "message", D: "detail", H: "hint", P: "position", s: "schema", t: "table", c: "column",
  d: "dataType", n: "constraint", F: "file", L: "line", R: "routine",
};
const errorOf = (body) => {
  const fields = body.toString().split("\0").filter((field) => ERROR[field[0]]);
  return Object.fromEntries(fields.map((field) => [ERROR[field[0]], field.slice(1)]));
};

// Answer what a server wants to know of a person's password, by SCRAM-SHA-256 or plainly.
const login = (password, send) => {
  const hmac = (key, value) => createHmac("sha256", key).update(value).digest();
  const nonce = randomBytes(18).toString("base64"), first = `n=,r=${nonce}`;
  return (body) => {
    const kind = body.readInt32BE(0), said = body.subarray(4).toString();
    if (kind === 3) send(message("p", text(password)));
    if (kind === 10) send(message("p", text("SCRAM-SHA-256"), long(first.length + 3), Buffer.from(`n,,${first}`)));
    if (kind === 11) {
      const [, all, salt, rounds] = said.match(/^r=([^,]*),s=([^,]*),i=(\d+)/);
      const last = `c=biws,r=${all}`;
      const salted = pbkdf2Sync(password.normalize("NFKC"), Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
      const key = hmac(salted, "Client Key");
      const signature = hmac(createHash("sha256").update(key).digest(), `${first},${said},${last}`);
      const proof = Buffer.from(signature.map((byte, at) => byte ^ key[at])).toString("base64");
      send(message("p", Buffer.from(`${last},p=${proof}`)));
    }
    return kind === 0;
  };
};

const startup = (user, database) =>
  message("", long(196608), ...["user", user, "database", database].map(text), Buffer.from([0]));

const parameter = (value) => {
  if (value === null || value === undefined) return [long(-1)];
  const bytes = Buffer.from(typeof value === "object" ? JSON.stringify(value) : String(value));
  return [long(bytes.length), bytes];
};

const query = ({ query: statement, params = [] }) => [
  message("P", text(""), text(statement), short(0)),
  message("B", text(""), text(""), short(0), short(params.length), ...params.flatMap(parameter), short(0)),
  message("D", Buffer.from("P"), text("")),
  message("E", text(""), long(0)),
];

const fieldsOf = (body) => {
  const fields = [];
  for (let at = 2; fields.length < body.readInt16BE(0); at += 18) {
    const end = body.indexOf(0, at);
    const name = body.subarray(at, end).toString();
    at = end + 1;
    fields.push({
      name, tableID: body.readInt32BE(at), columnID: body.readInt16BE(at + 4), dataTypeID: body.readInt32BE(at + 6),
      dataTypeSize: body.readInt16BE(at + 10), dataTypeModifier: body.readInt32BE(at + 12), format: "text",
    });
  }
  return fields;
};

const rowOf = (body) => {
  const row = [];
  for (let at = 2; row.length < body.readInt16BE(0);) {
    const length = body.readInt32BE(at);
    row.push(length < 0 ? null : body.subarray(at + 4, at + 4 + length).toString());
    at += 4 + Math.max(length, 0);
  }
  return row;
};

// Run statements over one connection, in one transaction where there are several.
const run = (url, asked) => new Promise((resolve, reject) => {
  const results = [], socket = net.connect(Number(url.port) || 5432, url.hostname);
  const send = (...all) => all.forEach((one) => socket.write(one));
  const known = login(decodeURIComponent(url.password), send);
  const nothing = () => ({ fields: [], rows: [] });
  let failed = null, asking = false, result = nothing();
  const take = (kind, body) => {
    if (kind === "R") known(body);
    if (kind === "T") result.fields = fieldsOf(body);
    if (kind === "D") result.rows.push(rowOf(body));
    if (kind === "E") failed ??= errorOf(body);
    if (kind === "C" || kind === "I") {
      const words = body.toString().replace(/\0$/, "").split(" ");
      const rowCount = /^\d+$/.test(words.at(-1)) ? Number(words.at(-1)) : null;
      results.push({ ...result, command: words[0], rowCount, rowAsArray: true });
      result = nothing();
    }
    if (kind === "E" && !asking) socket.destroy();
    if (kind === "Z" && !asking) {
      asking = true;
      send(...asked.flatMap(query), message("S"));
    } else if (kind === "Z") {
      socket.end(message("X"));
      failed ? reject(failed) : resolve(results);
    }
  };
  socket.on("connect", () => send(startup(decodeURIComponent(url.username), url.pathname.slice(1))));
  socket.on("data", messages(take));
  socket.on("error", (error) => reject({ message: error.message, code: error.code, severity: "FATAL" }));
  socket.on("close", () => reject(failed ?? { message: "the database has closed the connection", severity: "FATAL" }));
});

const theirs = (host) => /\.neon\.(tech|build)$/.test(host);
const fetchElsewhere = globalThis.fetch;
globalThis.fetch = async (input, init, ...more) => {
  const said = new Headers(init?.headers ?? {}).get("neon-connection-string");
  const url = said && new URL(said);
  if (!url || theirs(url.hostname)) return fetchElsewhere(input, init, ...more);
  const body = JSON.parse(init.body);
  return run(url, body.queries ?? [body]).then(
    (results) => Response.json(body.queries ? { results } : results[0]),
    (error) => Response.json(error, { status: 400 }),
  );
};

const databases = () => {
  const urls = Object.values(process.env).filter((value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value));
  return new Set(urls.map((value) => new URL(value).hostname).filter((host) => !theirs(host)));
};

const SocketElsewhere = globalThis.WebSocket;
class DatabaseSocket extends EventTarget {
  binaryType = "arraybuffer";
  readyState = 0;

  constructor(address, ...more) {
    const url = new URL(address), port = url.searchParams.get("address")?.match(/:(\d+)$/);
    if (url.pathname !== "/v2" || !databases().has(url.hostname)) {
      if (!SocketElsewhere) throw new Error("no WebSocket here");
      return new SocketElsewhere(address, ...more);
    }
    super();
    const socket = (this.socket = net.connect(Number(port?.[1] ?? 5432), url.hostname));
    const emit = (bytes) => {
      const data = new Uint8Array(bytes).buffer;
      setImmediate(() => this.dispatchEvent(new MessageEvent("message", { data })));
    };
    // The driver only tells its password, at once or when it is asked, to a server that wants to know it by SCRAM.
    let first = null, known = null, through = false;
    const later = [];
    this.take = messages((kind, body, whole) => {
      if (kind === "") {
        first = whole;
        emit(message("R", long(3)));
      } else if (known === null && kind === "p") {
        known = login(body.toString().replace(/\0$/, ""), (one) => socket.write(one));
        socket.write(first);
      } else if (through) socket.write(whole);
      else later.push(whole);
    }, true);
    const given = messages((kind, body, whole) => {
      if (kind === "R" && !known(body)) return;
      emit(whole);
      if (kind !== "R") return;
      through = true;
      later.forEach((one) => socket.write(one));
    });
    socket.on("connect", () => { this.readyState = 1; this.dispatchEvent(new Event("open")); });
    socket.on("data", given);
    socket.on("error", (error) => {
      this.dispatchEvent(Object.assign(new Event("error"), { message: error.message, error }));
    });
    socket.on("close", () => { this.readyState = 3; this.dispatchEvent(new Event("close")); });
  }

  send(data) {
    this.take(Buffer.from(data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data));
  }

  close() {
    this.readyState = 2;
    this.socket.end();
  }
}
globalThis.WebSocket = DatabaseSocket;
