// GitHub's own workflow parser and expression evaluator, behind lines of JSON: one request a line, one answer a line.
//   {"parse": {"name", "text"}}                                -> {"value": tree, "errors": [...]}
//   {"evaluate": {"tree", "contexts", "status", "workspace"}}  -> {"value": the tree without expressions}
// An expression in a tree is {"$expression": "..."}. The `if` of each job and step is written out as GitHub reads it.
import { createInterface } from "node:readline";
import { hashFiles } from "@actions/glob";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { TokenType as Sign } from "@actions/expressions/lexer";
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";
import { convertToIfCondition } from "@actions/workflow-parser/model/converter/if-condition";
import { TokenType } from "@actions/workflow-parser/templates/tokens/types";
import { YamlObjectReader } from "@actions/workflow-parser/workflows/yaml-object-reader";

// With a text's source at hand, the parser takes a block's indentation for part of an expression's text; GitHub does not.
const literal = YamlObjectReader.getLiteralToken;
YamlObjectReader.getLiteralToken = (file, range, { value }) => literal(file, range, { value });

const answer = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true; // @actions/glob writes debugging commands there

function plain(token) {
  switch (token.templateTokenType) {
    case TokenType.Mapping: {
      const result = {};
      for (const { key, value } of token) result[key.assertString("key").value] = plain(value);
      return result;
    }
    case TokenType.Sequence:
      return [...token].map(plain);
    case TokenType.BasicExpression:
      return { $expression: token.expression };
    case TokenType.InsertExpression:
      throw new Error("${{ insert }} is not replayed");
    case TokenType.Null:
      return null;
    default:
      return token.value;
  }
}

const entry = (mapping, name) => {
  for (const { key, value } of mapping ?? []) if (key.value === name) return value;
  return undefined;
};

async function parse({ name, text }) {
  const { context, value: root } = parseWorkflow({ name, content: text }, new NoOperationTraceWriter());
  if (root) await convertWorkflowTemplate(context, root);
  const tree = root && context.errors.getErrors().length === 0 ? plain(root) : null;
  const condition = (token, target) => {
    const given = entry(token, "if");
    target.if = { $expression: given ? convertToIfCondition(context, given).expression : "success()" };
  };
  if (tree) {
    for (const { key, value: job } of entry(root, "jobs")) {
      condition(job, tree.jobs[key.value]);
      [...(entry(job, "steps") ?? [])].forEach((step, at) => condition(step, tree.jobs[key.value].steps[at]));
    }
  }
  return { value: tree, errors: context.errors.getErrors().map(error => error.message) };
}

function lex(expression) {
  const { tokens } = new Lexer(expression).lex();
  for (const token of tokens) {
    // the lexer takes only the first of several doubled quotes for one; GitHub takes each
    if (token.type === Sign.STRING) token.value = token.lexeme.slice(1, -1).replaceAll("''", "'");
  }
  return tokens;
}

async function evaluate({ tree, contexts, status, workspace }) {
  const dictionary = JSON.parse(JSON.stringify(contexts), data.reviver);
  const hashes = new Map();
  const functions = new Map();
  for (const [name, holds] of Object.entries({ ...status, always: true })) {
    functions.set(name, { name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(holds) });
  }
  let missing;
  const hash = (...patterns) => {
    const wanted = patterns.map(pattern => pattern.coerceString()).join("\n");
    if (!hashes.has(wanted)) missing = wanted;
    return new data.StringData(hashes.get(wanted) ?? "");
  };
  functions.set("hashfiles", { name: "hashFiles", minArgs: 1, maxArgs: 255, call: hash });
  const visit = node => {
    if (Array.isArray(node)) return node.map(visit);
    if (node === null || typeof node !== "object") return node;
    if ("$expression" in node) {
      const parsed = new Parser(lex(node.$expression), Object.keys(contexts), [...functions.values()]);
      const result = new Evaluator(parsed.parse(), dictionary, functions).evaluate();
      return JSON.parse(JSON.stringify(result, data.replacer));
    }
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
  };
  for (;;) {
    // hashing is asynchronous and evaluating is not: evaluate again until each hash that is asked for is there
    missing = undefined;
    const value = visit(tree);
    if (missing === undefined) return { value };
    process.chdir(workspace); // where relative patterns begin
    hashes.set(missing, await hashFiles(missing, workspace, { followSymbolicLinks: false }));
  }
}

async function serve() {
  for await (const line of createInterface({ input: process.stdin })) {
    let said;
    try {
      const request = JSON.parse(line);
      said = await (request.parse ? parse(request.parse) : evaluate(request.evaluate));
    } catch (error) {
      said = { value: null, errors: [`${error.name}: ${error.message}`] };
    }
    answer(`${JSON.stringify(said)}\n`);
  }
}

serve();
