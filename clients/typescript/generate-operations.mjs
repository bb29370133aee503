// Writes src/operations.ts: which operations take an Idempotency-Key. With --check it compares instead.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("src/operations.ts", import.meta.url);
const { paths } = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));
const keyed = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
        .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === "Idempotency-Key"))
        .map(([method]) => `  "${method.toUpperCase()} ${path}",\n`),
);
const text = `// Generated from docs/openapi.json: the operations that take an Idempotency-Key.
export const KEYED: ReadonlySet<string> = new Set([
${keyed.join("")}]);
`;

if (!process.argv.includes("--check")) writeFileSync(FILE, text);
else if (readFileSync(FILE, "utf8") !== text) throw new Error("src/operations.ts is stale; run `make openapi`");
