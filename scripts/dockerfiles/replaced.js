// In a build: texts of a page's sources are replaced, in the image alone. Arguments: what stands there, what is to stand there.
const fs = require("fs");
const path = require("path");

const SKIPPED = new Set(["node_modules", ".next", ".git"]);
const words = process.argv.slice(1);

function* sources(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* sources(file);
    else if (entry.isFile() && /\.([cm]?[jt]s|[jt]sx|vue|svelte|html)$/.test(entry.name)) yield file;
  }
}

for (const file of sources(process.cwd())) {
  const text = fs.readFileSync(file, "utf8");
  let changed = text;
  for (let place = 0; place + 1 < words.length; place += 2) changed = changed.split(words[place]).join(words[place + 1]);
  if (changed !== text) {
    console.log(`${path.relative(process.cwd(), file)}: replaced as the app's file says`);
    fs.writeFileSync(file, changed);
  }
}
