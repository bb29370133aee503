// The console speaks English: what the widgets say in other languages is left out, until the catalogue has them.
import type { Plugin } from "vite";

const OTHER = /node_modules\/react-(aria|stately)[^?]*\/(?!en-US)[a-z]{2}-[A-Z]{2}\.m?js$/;

export function oneLocale(): Plugin {
  return { name: "attest-locales", enforce: "pre", load: (id) => (OTHER.test(id) ? "export default {}" : undefined) };
}
