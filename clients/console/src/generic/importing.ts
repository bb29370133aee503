// Files to import: their columns, what fields those are, and the cell that an error is about. Pure functions.
import type { FieldError } from "../api/problems.ts";
import type { Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import type { Field, Resource } from "../document/read.ts";

export type Row = { line: number; cells: string[] };
/** What the browser has read of a file, to show it beside what the server says. */
export type Preview = { header: string[]; rows: Row[] };
export type Column = { name: string; sample: string; label: string | null; isWritten: boolean };
export type Report = Schemas["ImportReport"];

const SEPARATORS = [",", ";", "\t", "|"];
const SEPARATOR_LINE = /^sep=(.)\r?\n/i;

export const isLines = (fileName: string) => /\.(ndjson|jsonl)$/i.test(fileName);
export const mediaType = (fileName: string) => (isLines(fileName) ? "application/x-ndjson" : "text/csv");

/** The rows of CSV, with the lines on which they begin. A line break within quotes belongs to its cell. */
export function* csvRows(text: string, separator: string): Generator<Row> {
  const token = new RegExp(`"((?:[^"]|"")*)"?|(\\r\\n|\\r|\\n)|\\${separator}|([^"\\r\\n\\${separator}]+)`, "g");
  let [line, start] = [1, 1];
  let cells = [""];
  for (const [whole, quoted, lineBreak, plain] of text.matchAll(token)) {
    if (lineBreak) {
      if (cells.some(Boolean)) yield { line: start, cells };
      [cells, start] = [[""], line + 1];
    } else if (quoted !== undefined || plain !== undefined) cells[cells.length - 1] += plain ?? quoted?.replaceAll('""', '"') ?? "";
    else cells.push("");
    line += lineBreak ? 1 : whole.split(/\r\n|\r|\n/).length - 1;
  }
  if (cells.some(Boolean)) yield { line: start, cells };
}

/** The separator that gives the header the most columns. */
function separatorOf(text: string): string {
  const head = text.slice(0, text.search(/[\r\n]|$/));
  return SEPARATORS.toSorted((a, b) => head.split(b).length - head.split(a).length)[0] ?? ",";
}

function readCsv(text: string): Preview {
  const told = SEPARATOR_LINE.exec(text);
  const rest = told ? text.slice(told[0].length) : text;
  const [head, ...rows] = [...csvRows(rest, told?.[1] ?? separatorOf(rest))];
  const header = (head?.cells ?? []).map((name) => name.trim().toLowerCase());
  return { header, rows: told ? rows.map(({ line, cells }) => ({ line: line + 1, cells })) : rows };
}

function readLines(text: string): Preview {
  const objects = text.split("\n").map((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    } catch {
      return {};
    }
  });
  const header = [...new Set(objects.flatMap(Object.keys))];
  const asCell = (value: unknown) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
  return { header, rows: objects.map((object, index) => ({ line: index + 1, cells: header.map((name) => asCell(object[name])) })) };
}

export const readPreview = (fileName: string, text: string): Preview => (isLines(fileName) ? readLines(text) : readCsv(text));

/** The fields that a row writes, by the names of their columns: parts of a group with a dot, sets by what they refer to. */
function writtenColumns(fields: readonly Field[], before = ""): Map<string, Field> {
  return new Map(fields.flatMap((field) => {
    const name = before + (field.kind === "references" ? (field.reference ?? field.name) : field.name);
    return field.kind === "group" ? [[name, field] as const, ...writtenColumns(field.fields ?? [], `${name}.`)] : [[name, field] as const];
  }));
}

/** What the columns of a file are to a module. */
export function matchColumns(resource: Resource, { header, rows }: Preview): Column[] {
  const written = writtenColumns(resource.create ?? []);
  const compared = new Set(["id", "version", "masked_fields", ...resource.columns.map(({ name }) => name)]);
  return header.map((name, index) => {
    const [parent = name] = name.split(".");
    const isKnown = written.has(name) || compared.has(parent);
    return { name, sample: rows[0]?.cells[index] ?? "", isWritten: written.has(name), label: isKnown ? (written.get(name)?.label ?? humanize(name.replaceAll(".", " "))) : null };
  });
}

/** The labels of the fields that a new item needs and the file does not have. */
export function missingFields(resource: Resource, { header }: Preview): string[] {
  return (resource.create ?? []).filter(({ name, required }) => required && !header.includes(name)).map(({ label }) => label);
}

export type Place = { line: number | null; field: string; cell: string };

/** Where in the file an error is: `/body/3/due_date`. */
export function placeOf({ pointer }: FieldError, preview: Preview): Place {
  const [, line = "", ...names] = pointer.split("/").slice(1);
  const field = names.join(".");
  const row = preview.rows.find((one) => String(one.line) === line);
  return { line: /^\d+$/.test(line) ? Number(line) : null, field, cell: row?.cells[preview.header.indexOf(field)] ?? "" };
}

const quote = (cell: string | number) => `"${String(cell).replaceAll('"', '""').replace(/^(?=[=+\-@])/, "'")}"`;
export const toCsv = (rows: (string | number)[][]): string => rows.map((row) => row.map(quote).join(",")).join("\r\n");
