// Schema → fields: which kind of input and of display a property needs.
import { helpBeside, humanize } from "./labels.ts";
import { resolve, type OpenApi, type Schema } from "./schema.ts";

export type Kind =
  | "text" | "long" | "password" | "choice" | "date" | "moment" | "email" | "uri" | "boolean" | "integer" | "decimal"
  | "money" | "reference" | "references" | "named" | "group" | "list" | "unknown";

export type Field = {
  name: string;
  label: string;
  help: string;
  kind: Kind;
  required: boolean;
  nullable: boolean;
  choices?: string[];
  /** The choices in words, where the document has them. */
  titles?: Record<string, string>;
  /** The slug of the resource that a reference picks from. */
  reference?: string;
  /** The field with the currency of a price. */
  currency?: string;
  fields?: Field[];
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  initial?: unknown;
  readAction?: string;
  writeAction?: string;
};

type References = Record<string, string>;
type Context = { document: OpenApi; references: References; depth: number };

const LONG_TEXT = 500;
const MAX_DEPTH = 4;
const FORMATS: Record<string, Kind> = {
  date: "date", "date-time": "moment", email: "email", uri: "uri", url: "uri", password: "password",
};
const DECIMAL = /\(\\\.\[0-9\]/;

/** The fields of a schema, in its order. Those that the server alone writes are left out of `writable` ones. */
export function readFields(document: OpenApi, schema: Schema | undefined, references: References = {}, depth = 0): Field[] {
  const { schema: object } = resolve(document, schema);
  const required = new Set(object.required ?? []);
  const context = { document, references, depth };
  const fields = Object.entries(object.properties ?? {}).map(([name, property]) =>
    readField(context, name, property, required.has(name)),
  );
  return pairMoney(fields);
}

/** One field of a schema. A cycle or a kind that the reader does not know is `unknown`: shown as text, sent only when changed. */
export function readField(context: Context, name: string, property: Schema, required: boolean): Field {
  const { schema, nullable } = resolve(context.document, property);
  const label = property.title && !isGenerated(property.title, name) ? property.title : humanize(name);
  const base: Field = {
    name,
    label,
    help: helpBeside(label, schema.description ?? ""),
    kind: "unknown",
    required,
    nullable,
  };
  return defined({
    ...base,
    ...kindOf(context, name, schema),
    maxLength: schema.maxLength,
    minimum: schema.minimum,
    maximum: schema.maximum,
    initial: schema.default,
    titles: schema["x-enum-titles"],
    readAction: schema["x-read-action"],
    writeAction: schema["x-write-action"],
  });
}

/** The title that is written for every property by itself: `Assignee Id`. */
const isGenerated = (title: string, name: string) => title.toLowerCase() === name.replaceAll("_", " ");

const defined = (field: Field & { [key: string]: unknown }): Field =>
  Object.fromEntries(Object.entries(field).filter(([, value]) => value !== undefined)) as Field;

function kindOf(context: Context, name: string, schema: Schema): Pick<Field, "kind"> & Partial<Field> {
  const reference = Object.hasOwn(context.references, name) ? context.references[name] : undefined;
  if (schema.enum?.every((value) => typeof value === "string")) return { kind: "choice", choices: schema.enum as string[] };
  if (schema.type === "array") return kindOfArray(context, reference, schema);
  if (reference) return { kind: "reference", reference };
  if (schema.type === "boolean") return { kind: "boolean" };
  if (schema.type === "integer") return { kind: "integer" };
  if (schema.type === "number") return { kind: "decimal" };
  if (schema.type === "object" || schema.properties) return kindOfObject(context, schema);
  if (schema.type === "string") return { kind: kindOfString(schema) };
  return { kind: "unknown" };
}

function kindOfString({ format, maxLength, pattern }: Schema): Kind {
  const known = format === undefined ? undefined : FORMATS[format];
  if (known) return known;
  if (pattern !== undefined && DECIMAL.test(pattern)) return "decimal";
  return pattern !== "^[A-Z]{3}$" && (maxLength ?? 0) > LONG_TEXT ? "long" : "text";
}

function kindOfArray({ document }: Context, reference: string | undefined, schema: Schema): Pick<Field, "kind"> & Partial<Field> {
  const { schema: item } = resolve(document, schema.items);
  if (reference) return { kind: "references", reference, label: humanize(reference) };
  if (item.enum) return { kind: "list", choices: item.enum.map(String) };
  return { kind: "list" };
}

function kindOfObject({ document, references, depth }: Context, schema: Schema): Pick<Field, "kind"> & Partial<Field> {
  const names = Object.keys(schema.properties ?? {}).sort().join();
  if (names === "id,name") return { kind: "named" };
  if (!names || depth >= MAX_DEPTH) return { kind: "unknown" };
  return { kind: "group", fields: readFields(document, schema, references, depth + 1) };
}

/** A price and the currency beside it are one amount of money. */
function pairMoney(fields: Field[]): Field[] {
  const hasCurrency = fields.some(({ name }) => name === "currency");
  return fields.map((field) =>
    hasCurrency && field.name === "price" ? { ...field, kind: "money", currency: "currency" } : field,
  );
}
