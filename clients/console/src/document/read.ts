// OpenAPI document → resources: everything that the generic screens know of a module.
import { readFields, type Field } from "./fields.ts";
import { readFilters, type Filter } from "./filters.ts";
import { humanize } from "./labels.ts";
import { jsonBody, resolve, type Action, type OpenApi, type Operation, type Schema, type XResource } from "./schema.ts";

export type { Field, Kind } from "./fields.ts";
export type { Filter } from "./filters.ts";

export type Resource = {
  slug: string;
  /** The path of its list: `/api/v1/tasks`. */
  path: string;
  name: string;
  one: string;
  entity: string;
  /** The field that names an item. */
  title: string;
  sortable: string[];
  defaultSort: string;
  transitions: Record<string, Record<string, string[]>>;
  actions: Record<string, Action>;
  columns: Field[];
  filters: Filter[];
  /** The fields of a new item; null where none is made by hand. */
  create: Field[] | null;
  update: Field[] | null;
  /** The permissions that a search takes beside that of the list: it compares words of fields that not all may read. */
  searchNeeds: string[];
  /** What a row of a file may be: `create`, `update`, `upsert`; none where nothing is imported. */
  imports: string[];
  can: { search: boolean; delete: boolean; restore: boolean; revert: boolean; bulk: boolean; history: boolean; export: boolean; read: boolean };
};

const TITLES = ["name", "title", "username", "sku"];
const JSON_OK = "200";

/** All resources of a document, without lists that belong to one item. What it does not say is left out, never guessed wrong: a bad part hides itself alone. */
export function readDocument(document: OpenApi): Resource[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, methods]) => {
    const list = methods?.get;
    const about = list?.["x-resource"];
    return list && about?.slug && !path.includes("{") ? [toResource(document, path, list, about)] : [];
  });
}

/** The schema of an item of a list: the items of its page, or of a plain array. */
function itemSchema(document: OpenApi, list: Operation): Schema | undefined {
  const { schema } = resolve(document, jsonBody(list.responses?.[JSON_OK]?.content));
  const items = schema.type === "array" ? schema : resolve(document, schema.properties?.items).schema;
  return items.items;
}

function toResource(document: OpenApi, path: string, list: Operation, about: XResource): Resource {
  const references = about.references ?? {};
  const at = (suffix: string, method: string) => document.paths?.[path + suffix]?.[method];
  const body = (operation: Operation | undefined) =>
    operation ? readFields(document, jsonBody(operation.requestBody?.content), references).filter(isWritable) : null;
  const create = body(at("", "post"));
  const update = body(at("/{id}", "patch"));
  const columns = asWritten(readFields(document, itemSchema(document, list), references), [...(update ?? []), ...(create ?? [])]);
  const sortable = about.sortable ?? [];
  const title = about.title ?? TITLES.find((name) => columns.some((column) => column.name === name)) ?? "id";
  return {
    slug: about.slug,
    path,
    name: humanize(about.slug),
    one: about.one ?? humanize(about.slug).toLowerCase(),
    entity: about.entity ?? about.slug,
    title,
    sortable,
    defaultSort: about.defaultSort ?? sortable[0] ?? "",
    transitions: about.transitions ?? {},
    actions: about.actions ?? {},
    columns: withoutTwins(columns),
    filters: readFilters(document, list.parameters ?? [], references),
    create: create && inOrder(create, title),
    update: update && inOrder(update, title),
    searchNeeds: Array.isArray(about.searchNeeds) ? about.searchNeeds.map(String) : [],
    imports: Array.isArray(about.import) ? about.import.map(String) : [],
    can: {
      search: (list.parameters ?? []).some(({ name }) => name === "q"),
      read: Boolean(at("/{id}", "get")),
      delete: Boolean(at("/{id}", "delete")),
      restore: Boolean(at("/{id}/restore", "post")),
      revert: Boolean(at("/{id}/revert", "post")),
      bulk: Boolean(at("/bulk", "post")),
      history: Boolean(about.history ?? at("/{id}/history", "get")),
      export: Boolean(about.export),
    },
  };
}

/** Whether a person who `may` do this and that in all rows that they read can search a list without being refused. */
export const maySearch = ({ slug, can, searchNeeds }: Resource, may: (permission: string) => boolean): boolean =>
  can.search && [`${slug}:read`, ...searchNeeds].every(may);

const isWritable = ({ name }: Field) => name !== "id" && name !== "version";

/** What is written says best what a field is: a Read's strings have no telling length. */
function asWritten(columns: Field[], written: Field[]): Field[] {
  return columns.map((column) => {
    const { kind, choices } = written.find(({ name }) => name === column.name) ?? column;
    const known = kind === "long" && !written.some(({ name }) => name === column.name) ? "text" : kind;
    return { ...column, kind: column.kind === "money" ? "money" : known, ...(choices && { choices }) };
  });
}

/** A form starts with the name of the item and ends with what takes room; a currency follows its price. */
function inOrder(fields: Field[], title: string): Field[] {
  const currencies = new Set(fields.map(({ currency }) => currency));
  const rank = ({ name, kind, required }: Field) => (name === title ? 0 : kind === "long" || kind === "group" || kind === "references" ? 3 : required ? 1 : 2);
  const others = fields.filter(({ name }) => !currencies.has(name)).toSorted((a, b) => rank(a) - rank(b));
  return others.flatMap((field) => [field, ...fields.filter(({ name }) => name === field.currency)]);
}

/** `assignee_id` is not shown where `assignee` is, with the name. */
function withoutTwins(columns: Field[]): Field[] {
  const names = new Set(columns.map(({ name }) => name));
  return columns.filter(({ name }) => !(name.endsWith("_id") && names.has(name.slice(0, -"_id".length))));
}
