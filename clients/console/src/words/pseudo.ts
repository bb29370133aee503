// A language that nobody speaks: every sentence of the catalogue in accents and brackets, a third longer.
import type { Messages } from "@lingui/core";

const PLAIN = "aceinosuyACEINOSUY";
const ACCENTED = "áçéíñóšúýÁÇÉÍÑÓŠÚÝ";
const accent = (text: string) => [...text].map((letter) => ACCENTED[PLAIN.indexOf(letter)] ?? letter).join("");
const pad = (text: string) => "·".repeat(Math.ceil(text.length / 3));

type Part = string | readonly [string, string?, Record<string, unknown>?];

function accentPart(part: Part): Part {
  if (typeof part === "string") return accent(part);
  const [name, format, options] = part;
  if (!options) return part;
  const cases = Object.entries(options).map(([key, value]) => [key, Array.isArray(value) ? value.map(accentPart) : value]);
  return [name, format, Object.fromEntries(cases) as Record<string, unknown>];
}

function accentMessage(message: unknown): unknown {
  const parts = (Array.isArray(message) ? message : [message]) as Part[];
  const text = parts.map((part) => (typeof part === "string" ? part : "")).join("");
  return ["[", ...parts.map(accentPart), pad(text), "]"];
}

export const pseudo = (messages: Messages): Messages =>
  Object.fromEntries(Object.entries(messages).map(([key, message]) => [key, accentMessage(message)])) as Messages;
