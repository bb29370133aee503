// Whether what is on the screen is what was sealed: the fields that both have, compared one by one.
import { markOf } from "../../document/marks.ts";
import { Unproved } from "./unproved.ts";

type Fields = Record<string, unknown>;
export type Compared = { agree: string[]; hidden: string[] };

const FACTS = ["id", "at", "call_id", "request_id", "actor_kind", "actor_id", "reason", "entity", "entity_id", "method", "path", "route", "decision", "status", "error_code"];
const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const text = (value: unknown) => JSON.stringify(value ?? null);

/** Of a value that stands encrypted or as a digest in the log, only the entry as a whole is proved. */
const isSealed = (value: unknown): boolean => isObject(value) && Object.keys(value).some((name) => /^\$(?!\$)/.test(name));

/** Compares an entry as it is shown with its sealed bytes. Throws Unproved where a field differs. */
export function compareEntry(shown: Fields, sealed: string): Compared {
  const entry = JSON.parse(sealed) as Fields;
  const facts = FACTS.filter((name) => name in shown && name in entry);
  if (facts.some((name) => text(shown[name]) !== text(entry[name]))) throw new Unproved("other-entry");
  const values = compareChanges(asChanges(shown.changes), asChanges(entry.changes));
  return { agree: [...facts, ...values.agree], hidden: values.hidden };
}

type Changes = Record<string, Fields>;
const asChanges = (value: unknown): Changes => (isObject(value) ? (value as Changes) : {});

/** Each changed field before and after. A creation has sealed no values before, and no field that began empty. */
function compareChanges(shown: Changes, sealed: Changes): Compared {
  const found: Compared = { agree: [], hidden: [] };
  for (const [name, change] of Object.entries(sealed)) {
    const other = shown[name];
    const hidden = [change.old, change.new].some(isSealed) || [other?.old, other?.new].some((value) => markOf(value) !== null);
    if (!other || (!hidden && (isPlainDifferent(change.old, other.old) || isPlainDifferent(change.new, other.new)))) throw new Unproved("other-entry");
    (hidden ? found.hidden : found.agree).push(name);
  }
  const invented = Object.entries(shown).some(([name, { old, new: value }]) => !(name in sealed) && (text(old) !== "null" || text(value) !== "null"));
  if (invented) throw new Unproved("other-entry");
  return found;
}

/** Names that begin with `$` are escaped in the sealed bytes: documents with them are not compared. */
const isPlainDifferent = (value: unknown, other: unknown) => !text(value).includes("$$") && text(value) !== text(other);
