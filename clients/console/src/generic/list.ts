// What a list's address says, and what is asked of the API for it. Pure functions.
import type { Field, Resource } from "../document/read.ts";
import type { Query } from "../api/client.ts";
import { valueOf, valuesOf, type Search } from "../parts/address.ts";

const LIMIT = 50;
const COLUMNS = 7;
const OWN = new Set(["shown", "language", "tab"]);
const NOISE = new Set(["id", "version", "created_at", "created_by", "updated_by", "deleted_at"]);

/** The query of a list without its page: filters, words, order. */
export function filterQuery(search: Search): Query {
  return Object.fromEntries(Object.entries(search).filter(([name]) => !OWN.has(name) && name !== "cursor"));
}

export const listQuery = (search: Search): Query => ({ limit: LIMIT, ...filterQuery(search), ...(search.cursor && { cursor: search.cursor }) });

/** The columns that an address names, else those that say most: the name first, no long texts, no times but the last. */
export function shownColumns(resource: Resource, search: Search): Field[] {
  const chosen = valueOf(search, "shown").split(",").filter(Boolean);
  if (chosen.length) return resource.columns.filter(({ name }) => chosen.includes(name));
  const telling = resource.columns.filter(({ name, kind }) => !NOISE.has(name) && kind !== "long" && kind !== "group" && kind !== "unknown" && name !== "description");
  const rank = ({ name }: Field) => (name === resource.title ? 0 : name === "updated_at" ? 2 : 1);
  const sorted = telling.toSorted((a, b) => rank(a) - rank(b));
  const last = sorted.filter(({ name }) => name === "updated_at");
  return [...sorted.filter(({ name }) => name !== "updated_at" && name !== "currency").slice(0, COLUMNS), ...last];
}

/** The parameters that a filter writes into the address. */
export const namesOfFilter = (name: string): string[] => [name, `${name}_gte`, `${name}_lt`, `${name}_null`];

export const isActive = (search: Search, name: string): boolean => namesOfFilter(name).some((one) => valuesOf(search, one).length > 0);
