// What the build computes: the compiled sentences and the icons in use, as modules without any parser in the browser.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { compileMessage } from "@lingui/message-utils/compileMessage";
import type { Plugin } from "vite";
import { ICONS } from "../src/parts/icon-names.ts";

const WORDS = fileURLToPath(new URL("../src/words/en/", import.meta.url));
const require = createRequire(import.meta.url);

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;

/** Every sentence of the catalogue, compiled. A key that two files define stops the build. */
function compileWords(): string {
  const compiled: Record<string, unknown> = {};
  for (const file of readdirSync(WORDS).sort()) {
    for (const [key, sentence] of Object.entries(readJson(WORDS + file))) {
      if (key in compiled) throw new Error(`${file}: the sentence ${key} is defined twice`);
      compiled[key] = compileMessage(sentence as string);
    }
  }
  return `export default ${JSON.stringify(compiled)}`;
}

const readIcons = () => readJson(require.resolve("lucide-static/icon-nodes.json"));

/** The shapes of the icons in use. An unknown name stops the build. */
function collectIcons(): string {
  const all = readIcons();
  const used = Object.fromEntries(ICONS.map((name) => [name, all[name]]));
  const unknown = ICONS.filter((name) => !used[name]);
  if (unknown.length) throw new Error(`Lucide has no icon ${unknown.join(", ")}`);
  return `export default ${JSON.stringify(used)}`;
}

const MODULES: Record<string, () => string> = {
  "virtual:words": compileWords,
  "virtual:icons": collectIcons,
  "virtual:all-icons": () => `export default ${JSON.stringify(readIcons())}`,
};

export function virtualModules(): Plugin {
  return {
    name: "attest-virtual",
    resolveId: (id) => (id in MODULES ? `\0${id}` : undefined),
    load: (id) => MODULES[id.slice(1)]?.(),
    configureServer: ({ watcher }) => void watcher.add(WORDS),
  };
}
