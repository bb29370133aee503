// Lints what tsc does not see: sentences outside the catalogue, unknown colours of imports, and sizes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "vite";

const MAX_FUNCTION = 40;
const MAX_FILE = 300;
const SPOKEN = new Set(["aria-label", "title", "placeholder", "alt", "label", "help"]);
const OWN_NAME = new Set(["Attest", "Ctrl K", "…"]);
const MAY_NOT_IMPORT = { document: ["api", "generic", "jobs", "parts", "policy", "record", "shell", "words"], generic: ["jobs", "policy", "record", "shell"], api: ["generic", "jobs", "parts", "policy", "record", "shell"], parts: ["generic", "jobs", "policy", "record", "shell"] };
const FORBIDDEN = new Set(["dangerouslySetInnerHTML", "innerHTML", "outerHTML", "style", "eval"]);
const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

const problems = [];
const hasWords = (text) => /\p{L}{2}/u.test(text) && !OWN_NAME.has(text.trim());

function* nodes(node) {
  if (!node || typeof node !== "object") return;
  if (typeof node.type === "string") yield node;
  for (const value of Object.values(node)) {
    for (const child of [value].flat()) if (child && typeof child === "object") yield* nodes(child);
  }
}

/** What a node breaks, in a sentence; undefined for most. */
function complaint(node, area) {
  if (node.type === "JSXText" && hasWords(node.value)) return `"${node.value.trim()}" is not in the catalogue`;
  if (node.type === "JSXExpressionContainer" && node.expression.type === "Literal" && typeof node.expression.value === "string" && node.parent !== "attribute" && hasWords(node.expression.value)) return `"${node.expression.value}" is not in the catalogue`;
  if (node.type === "JSXAttribute") {
    if (FORBIDDEN.has(node.name.name)) return `${node.name.name} breaks the policy of the page`;
    if (SPOKEN.has(node.name.name) && node.value?.type === "Literal" && hasWords(node.value.value)) return `${node.name.name}="${node.value.value}" is not in the catalogue`;
  }
  if (node.type === "MemberExpression" && ["innerHTML", "outerHTML"].includes(node.property.name)) return `${node.property.name} breaks the policy of the page`;
  if (node.type === "ImportDeclaration" || node.type === "ImportExpression") {
    const target = /^\.\.\/(\w+)\//.exec(node.source.value ?? "")?.[1];
    if ((MAY_NOT_IMPORT[area] ?? []).includes(target)) return `${area} must not import ${target}`;
  }
  return undefined;
}

function check(file) {
  const source = readFileSync(file, "utf8");
  const lineAt = (offset) => source.slice(0, offset).split("\n").length;
  const report = (offset, text) => problems.push(`${file}:${lineAt(offset)}: ${text}`);
  const lines = source.split("\n").length - 1;
  if (lines > MAX_FILE) report(0, `${lines} lines, more than ${MAX_FILE}`);
  const { program, errors } = parseSync(file, source);
  for (const error of errors) report(error.labels?.[0]?.start ?? 0, error.message);
  const area = file.split("/")[1];
  for (const node of nodes(program)) {
    const text = complaint(node, area);
    if (text) report(node.start, text);
    const length = FUNCTIONS.has(node.type) ? lineAt(node.end) - lineAt(node.start) + 1 : 0;
    if (length > MAX_FUNCTION) report(node.start, `a function of ${length} lines, more than ${MAX_FUNCTION}`);
  }
}

for (const file of readdirSync("src", { recursive: true }).map((name) => join("src", name))) {
  if (/\.tsx?$/.test(file) && !file.endsWith(".d.ts")) check(file);
}
const used = readdirSync("src", { recursive: true }).filter((name) => /\.tsx?$/.test(name)).map((name) => readFileSync(join("src", name), "utf8")).join("\n");
for (const file of readdirSync("src/words/en")) {
  for (const key of Object.keys(JSON.parse(readFileSync(`src/words/en/${file}`, "utf8")))) {
    const family = key.slice(0, key.lastIndexOf(".") + 1);
    if (!used.includes(`"${key}"`) && !used.includes(`\`${family}\${`)) problems.push(`src/words/en/${file}: nothing says "${key}"`);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length ? 1 : 0;
