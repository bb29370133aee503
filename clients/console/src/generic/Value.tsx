// A value of any kind, to read.
import { Link } from "@tanstack/react-router";
import type { Field } from "../document/read.ts";
import { choiceLabel, humanize } from "../document/labels.ts";
import { Chip, type Tone } from "../parts/Chip.tsx";
import { Day, Moment, Money } from "../parts/Time.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";

const TONES: Record<string, Tone> = {
  active: "good", done: "good", approved: "good", open: "info", in_progress: "info", pending: "info", draft: "plain", todo: "plain",
  high: "warn", urgent: "bad", blocked: "bad", rejected: "bad", failed: "bad",
};

type ValueProps = { field: Field; value: unknown; item?: Record<string, unknown>; names?: Record<string, string> };

const NOISE = new Set(["id", "version", "created_at", "updated_at", "created_by_id", "updated_by_id"]);

/** A row within a value, in a line: what it refers to, what is true of it, and its other values. */
function inALine(row: object, names: Record<string, string>): string {
  const telling = Object.entries(row).filter(([name, value]) => !NOISE.has(name) && value !== null && value !== "" && value !== false);
  const parts = telling.flatMap(([name, value]) => (value === true ? humanize(name) : name.endsWith("_id") ? (names[String(value)] ?? []) : [value].flat().map(String)));
  return parts.join(", ") || JSON.stringify(row);
}

const plainText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const nameOfRow = (row: object, names: Record<string, string>) => ("name" in row ? String(row.name) : "id" in row ? inALine(row, names) : plainText(row));
const nameOf = (value: unknown, names: Record<string, string>) =>
  typeof value === "object" && value !== null ? nameOfRow(value, names) : (names[String(value)] ?? plainText(value));

/** Shows a value. A kind that the reader does not know is shown as text. */
export function Value({ field, value, item = {}, names = {} }: ValueProps) {
  if (value === null || value === undefined || value === "") return null;
  if (Array.isArray(value)) return <>{value.map((one, index) => <Chip key={index}>{nameOf(one, names)}</Chip>)}</>;
  switch (field.kind) {
    case "choice": return <Chip tone={TONES[String(value)] ?? "plain"}>{choiceLabel(field, String(value))}</Chip>;
    case "boolean": return <>{say(value ? "value.yes" : "value.no")}</>;
    case "date": return <Day on={String(value)} />;
    case "moment": return <Moment at={String(value)} />;
    case "money": return <Money amount={String(value)} currency={String(item[field.currency ?? ""] ?? "")} />;
    case "integer": return <>{typeof value === "number" ? formatNumber(value) : plainText(value)}</>;
    case "named":
    case "reference": return <>{nameOf(value, names)}</>;
    case "group": return <Group field={field} value={value} />;
    default: return <>{plainText(value)}</>;
  }
}

function Group({ field, value }: { field: Field; value: unknown }) {
  const parts = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const texts = (field.fields ?? []).map(({ name }) => parts[name]).filter((part) => part !== null && part !== undefined && part !== "");
  return <>{texts.map(plainText).join(", ")}</>;
}

/** The name of an item, as a link to it. */
export const ItemLink = ({ slug, id, name }: { slug: string; id: string; name: string }) => <Link to={`/${slug}/${id}` as string}>{name}</Link>;
