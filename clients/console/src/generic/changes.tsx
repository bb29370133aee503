// The changed fields of an entry of the change log, by the kinds that the document gives them.
import type { ReactNode } from "react";
import type { Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { markOf } from "../document/marks.ts";
import type { Field, Resource } from "../document/read.ts";
import { Chip } from "../parts/Chip.tsx";
import type { Change } from "../parts/Diff.tsx";
import { formatAmount } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Value } from "./Value.tsx";

export type ChangeRead = Schemas["ChangeRead"];
type Options = { item?: Record<string, unknown>; noise?: boolean; label?: (field: Field) => ReactNode };

const NOISE = new Set(["id", "version", "created_at", "updated_at", "created_by_id", "updated_by_id"]);

const NO_CURRENCY = "XXX"; // ISO 4217, where an entry has a price alone

const textField = (name: string): Field => ({ name, label: humanize(name), help: "", kind: "reference", required: false, nullable: true });

/** The changed fields of an entry, each before and after. `item` has what did not change, `noise` are version and times. */
export function changesOf(entry: ChangeRead, resource: Resource | null | undefined, { item = {}, noise = false, label }: Options = {}): Change[] {
  const fields = new Map([...(resource?.columns ?? []), ...(resource?.update ?? [])].map((field) => [field.name, field]));
  const changes = Object.entries((entry.changes ?? {}) as Record<string, { old?: unknown; new?: unknown }>);
  const show = (field: Field, value: unknown, side: "old" | "new") => {
    if (value === null || value === undefined) return null;
    const mark = markOf(value);
    if (mark) return <Chip>{say(`mark.${mark}`)}</Chip>;
    const then = { ...item, ...Object.fromEntries(changes.map(([key, change]) => [key, change[side]])) };
    if (field.kind === "money") return <>{formatAmount(String(value), String(then[field.currency ?? ""] ?? NO_CURRENCY))}</>;
    return <Value field={field} value={value} item={then} names={entry.names} />;
  };
  return changes
    .filter(([name, change]) => (noise || !NOISE.has(name)) && (change.old ?? null) !== (change.new ?? null))
    .map(([name, change]) => {
      const field = fields.get(name) ?? textField(name);
      return { name, label: label ? label(field) : field.label, before: show(field, change.old, "old"), after: show(field, change.new, "new") };
    });
}
