// The parts of an OpenAPI document that the reader looks at, and the way through its references.
export type Schema = {
  $ref?: string;
  type?: string | string[];
  title?: string;
  description?: string;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  maxLength?: number;
  minLength?: number;
  maximum?: number;
  minimum?: number;
  pattern?: string;
  default?: unknown;
  readOnly?: boolean;
  "x-enum-titles"?: Record<string, string>;
  "x-read-action"?: string;
  "x-write-action"?: string;
};

export type Parameter = { name: string; in: string; description?: string; schema?: Schema };
export type Operation = {
  summary?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
  responses?: Record<string, { content?: Record<string, { schema?: Schema }> }>;
  "x-resource"?: XResource;
};
/** An operation beside the list, and any of the sets of permissions that it takes. */
export type Action = { method: string; path: string; operationId?: string; anyOf?: string[][] };
export type XResource = {
  slug: string;
  one?: string;
  entity?: string;
  title?: string;
  sortable?: string[];
  defaultSort?: string;
  references?: Record<string, string>;
  transitions?: Record<string, Record<string, string[]>>;
  /** The permissions that a search takes besides. */
  searchNeeds?: unknown;
  actions?: Record<string, Action>;
  history?: unknown;
  /** What a row of a file may be: `create`, `update`, `upsert`. */
  import?: unknown;
  export?: unknown;
};
export type OpenApi = {
  paths?: Record<string, Record<string, Operation | undefined> | undefined>;
  components?: { schemas?: Record<string, Schema> };
};

export type Resolved = { schema: Schema; nullable: boolean };

const isNull = (schema: Schema) => schema.type === "null" || schema.const === null;
const MAX_DEPTH = 16;

/** Follows references, single alternatives and null. What is said beside a reference wins. A circle ends as an empty schema. */
export function resolve(document: OpenApi, schema: Schema | undefined, depth = 0): Resolved {
  if (!schema || depth > MAX_DEPTH) return { schema: {}, nullable: false };
  const { $ref, anyOf, oneOf, allOf, ...own } = schema;
  if ($ref !== undefined) return merge(resolve(document, lookup(document, $ref), depth + 1), own);
  const all = anyOf ?? oneOf ?? allOf;
  if (!all) return typed(schema);
  const real = all.filter((part) => !isNull(part));
  const nullable = real.length < all.length;
  if (real.length !== 1) return { schema: own, nullable };
  const found = merge(resolve(document, real[0], depth + 1), own);
  return { ...found, nullable: found.nullable || nullable };
}

/** `type: [string, null]`, the other way to write that a value may be missing. */
function typed(schema: Schema): Resolved {
  if (!Array.isArray(schema.type)) return { schema, nullable: false };
  const real = schema.type.filter((type) => type !== "null");
  const single = real.length === 1 ? { ...schema, type: real[0] as string } : { ...schema, type: real };
  return { schema: single, nullable: real.length < schema.type.length };
}

const merge = ({ schema, nullable }: Resolved, own: Schema): Resolved => ({ schema: { ...schema, ...own }, nullable });

function lookup(document: OpenApi, ref: string): Schema | undefined {
  const name = ref.replace("#/components/schemas/", "");
  return document.components?.schemas?.[name];
}

export const jsonBody = (content: Record<string, { schema?: Schema }> | undefined): Schema | undefined =>
  content?.["application/json"]?.schema;
