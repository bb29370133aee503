// Parameters of a list → filters: any of some values, a range, one reference, yes or no.
import { readField, type Field } from "./fields.ts";
import { resolve, type OpenApi, type Parameter } from "./schema.ts";

export type Filter = { name: string; field: Field; shape: "any-of" | "range" | "one"; nullable: boolean };

const PAGING = new Set(["limit", "cursor", "offset", "total", "sort", "deleted", "q", "fields", "format", "bom", "separator", "decimal", "columns"]);
const OTHERS = /_(not|null|lt|lte|gt|gte|before|after)$/;

const isOfQuery = ({ name, in: place }: Parameter) => place === "query" && !PAGING.has(name);

/** The name of what a parameter filters by: `created_at` for `created_at_gte`. */
function subject(name: string, names: ReadonlySet<string>): string {
  const bare = name.replace(OTHERS, "");
  return bare !== name && (names.has(bare) || names.has(`${bare}_gte`)) ? bare : name;
}

/** The filters of a list, in the order of its parameters. `id` alone is no question that a person asks. */
export function readFilters(document: OpenApi, parameters: Parameter[], references: Record<string, string>): Filter[] {
  const own = parameters.filter(isOfQuery);
  const byName = new Map(own.map((parameter) => [parameter.name, parameter]));
  const names = new Set(byName.keys());
  const subjects = new Set(own.map(({ name }) => subject(name, names)));
  subjects.delete("id");
  for (const name of Object.keys(references)) if (subjects.has(name)) subjects.delete(name.replace(/_id$/, "")); // picked, not typed
  return [...subjects].map((name) => toFilter(document, name, byName, references));
}

function toFilter(document: OpenApi, name: string, byName: Map<string, Parameter>, references: Record<string, string>): Filter {
  const isRange = byName.has(`${name}_gte`) && byName.has(`${name}_lt`);
  const exact = byName.get(name);
  const parameter = exact ?? byName.get(`${name}_gte`);
  const { schema } = resolve(document, parameter?.schema);
  const isArray = schema.type === "array";
  const value = isArray ? { ...schema.items } : { ...schema };
  const field = readField({ document, references, depth: 0 }, name, { ...value, title: undefined }, false);
  const shape = isRange ? "range" : isArray ? "any-of" : "one";
  return { name, field: { ...field, help: parameter?.description ?? "" }, shape, nullable: byName.has(`${name}_null`) };
}
