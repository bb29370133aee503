// What the audit log shows in place of a value that may not, or cannot, be read.
export type Mark = "masked" | "erased" | "secret" | "unreadable" | "external";

const MARKS: readonly Mark[] = ["masked", "erased", "secret", "unreadable", "external"];

/** The mark in place of a value; null for a value. */
export function markOf(value: unknown): Mark | null {
  if (typeof value !== "object" || value === null) return null;
  return MARKS.find((mark) => `$${mark}` in value) ?? null;
}
