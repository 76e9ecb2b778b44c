// In a build that cannot reach Google's fonts: `next/font/google` becomes a module of the same names that gives the
// system's fonts, in the image alone. Where the service answers, nothing is changed.
const fs = require("fs");
const path = require("path");

const SKIPPED = new Set(["node_modules", ".next", ".git"]);
const IMPORT = /import\s*\{([^}]*)\}\s*from\s*(["'])next\/font\/google\2/g;

function* sources(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* sources(file);
    else if (entry.isFile() && /\.(jsx?|tsx?|mjs)$/.test(entry.name)) yield file;
  }
}

function replace() {
  const names = new Set();
  for (const file of sources(process.cwd())) {
    const text = fs.readFileSync(file, "utf8");
    const changed = text.replace(IMPORT, (_, list, quote) => {
      for (const item of list.split(",")) if (item.trim()) names.add(item.trim().split(/\s+as\s+/)[0].replace(/^type\s+/, ""));
      return `import {${list}} from ${quote}system-fonts${quote}`;
    });
    if (changed !== text) fs.writeFileSync(file, changed);
  }
  const folder = path.join(process.cwd(), "node_modules", "system-fonts");
  fs.mkdirSync(folder, { recursive: true });
  const font = '() => ({ className: "", variable: "", style: { fontFamily: "system-ui, sans-serif" } })';
  const type = "(options?: any) => { className: string; variable: string; style: { fontFamily: string } }";
  fs.writeFileSync(path.join(folder, "package.json"), '{"name": "system-fonts", "version": "1.0.0", "main": "index.js"}');
  fs.writeFileSync(path.join(folder, "index.js"), [...names].map((name) => `exports.${name} = ${font};\n`).join(""));
  fs.writeFileSync(path.join(folder, "index.d.ts"), [...names].map((name) => `export declare const ${name}: ${type};\n`).join(""));
  console.log(`Google's fonts cannot be reached: the system's in place of ${[...names].join(", ")}`);
}

fetch("https://fonts.googleapis.com/", { signal: AbortSignal.timeout(5000) }).then(() => {}, replace);
