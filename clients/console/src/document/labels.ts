// Names of the API in words: `due_date` → "Due date", `in_progress` → "In progress".
import type { Field } from "./fields.ts";

const ARTICLES = new Set(["a", "an", "the"]);
const SHORT = new Set(["id", "sku", "url", "ip"]);

export function humanize(name: string): string {
  const words = name.replace(/_ids?$/i, "").replace(/[_-]+/g, " ").trim().toLowerCase().split(" ");
  const text = words.map((word) => (SHORT.has(word) ? word.toUpperCase() : word)).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A description, where it says more than the label: "The brand." of a brand does not. */
export function helpBeside(label: string, description: string): string {
  const words = new Set(label.toLowerCase().split(" "));
  const others = description.toLowerCase().match(/[\p{L}\p{N}-]+/gu) ?? [];
  return others.every((word) => words.has(word) || ARTICLES.has(word)) ? "" : description;
}

/** A choice of a field in words. */
export const choiceLabel = ({ titles }: Field, choice: string): string => titles?.[choice] ?? humanize(choice);
