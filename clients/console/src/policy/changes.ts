// Changed rows of the policy in words: who got which role, what a role grants now.
import type { Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { say, sayIfKnown } from "../words/say.ts";

export type PolicyChange = Schemas["VersionChange"];
type Step = "added" | "removed" | "changed";

const NOISE = new Set(["id", "version", "created_at", "updated_at", "created_by_id", "updated_by_id", "role_id", "module_id", "user_id"]);

const stepOf = ({ old, new: now }: PolicyChange): Step => (old === null ? "added" : now === null ? "removed" : "changed");

/** The name of what a column of the row refers to. */
function namedBy({ old, new: now, names }: PolicyChange, column: string): string {
  const id = String((now ?? old ?? {})[column] ?? "");
  return names[id] ?? say("versions.unknown");
}

export function sentenceOf(change: PolicyChange): string {
  const step = stepOf(change);
  if (change.entity === "role_module") return say(`versions.grant.${step}`, { role: namedBy(change, "role_id"), module: namedBy(change, "module_id") });
  if (change.entity === "user_role") return say(`versions.assignment.${step}`, { role: namedBy(change, "role_id"), who: namedBy(change, "user_id") });
  const what = sayIfKnown(`versions.entity.${change.entity}`, humanize(change.entity));
  return say(`versions.row.${step}`, { what, name: change.item_name ?? say("versions.unknown") });
}

export type Difference = { name: string; before: unknown; after: unknown };

/** The columns whose values differ. Ids that the sentence names are left out. */
export function differencesOf({ old, new: now }: PolicyChange): Difference[] {
  const columns = new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})]);
  return [...columns]
    .filter((name) => !NOISE.has(name))
    .map((name) => ({ name, before: old?.[name] ?? null, after: now?.[name] ?? null }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
}
