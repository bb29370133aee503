// Items as the API sends them, and the drafts that a form makes of them. Pure functions.
import type { Field, Resource } from "../document/read.ts";

export type Item = Record<string, unknown> & { id: string; version?: number; deleted_at?: string | null };
export type Draft = Readonly<Record<string, unknown>>;
export type Named = { id: string; name: string };

const isNamed = (value: unknown): value is Named =>
  typeof value === "object" && value !== null && "id" in value && "name" in value;

/** The name of the field beside a reference that holds the names: `assignee` for `assignee_id`, `tags` for `tag_ids`. */
const twinOf = (name: string) => name.replace(/_ids$/, "s").replace(/_id$/, "");

/** The value of a field in an item. The ids of references come from the names beside them. */
export function valueIn(item: Item | null, { name, kind, initial }: Field): unknown {
  if (!item) return initial ?? null;
  if (name in item) return item[name];
  const twin = item[twinOf(name)];
  return kind === "references" && Array.isArray(twin) ? twin.filter(isNamed).map(({ id }) => id) : null;
}

/** What the items that this one refers to are called, by their ids. */
export function namesIn(item: Item | null): Record<string, string> {
  const all = Object.values(item ?? {}).flat().filter(isNamed);
  return Object.fromEntries(all.map(({ id, name }) => [id, name]));
}

export const nameOf = (resource: Resource, item: Item): string => String(item[resource.title] ?? item.id);

const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** A draft with one more value; a value that is as before is no change. */
export function put(draft: Draft, field: Field, value: unknown, before: unknown): Draft {
  const { [field.name]: _, ...others } = draft;
  return same(value, before) ? others : { ...others, [field.name]: value };
}

export type Conflict = { field: Field; theirs: unknown; mine: unknown };

/** The fields where what another person saved differs from what is to be saved. */
export const conflictsOf = (fields: Field[], theirs: Item, draft: Draft): Conflict[] =>
  fields
    .filter(({ name }) => name in draft)
    .map((field) => ({ field, theirs: valueIn(theirs, field), mine: draft[field.name] }))
    .filter(({ theirs: a, mine: b }) => !same(a, b));
