// Why a grant gives a permission, or why not, in a sentence.
import type { Schemas } from "../api/queries.ts";
import { formatMoment } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";

type Ground = Schemas["Ground"];

const SENTENCES: Record<string, Sentence> = {
  "grants": "explain.effect.grants", "user-deleted": "explain.effect.user-deleted", "user-inactive": "explain.effect.user-inactive",
  "assignment-inactive": "explain.effect.assignment-inactive", "assignment-not-started": "explain.effect.assignment-not-started",
  "assignment-expired": "explain.effect.assignment-expired", "role-deleted": "explain.effect.role-deleted", "role-inactive": "explain.effect.role-inactive",
  "grant-inactive": "explain.effect.grant-inactive", "module-inactive": "explain.effect.module-inactive", "group-inactive": "explain.effect.group-inactive",
  "scope-inactive": "explain.effect.scope-inactive", "flag-missing": "explain.effect.flag-missing", "action-inactive": "explain.effect.action-inactive",
};

/** The effect of a grant, or one of its obstacles, in words; what the server says of one that is not known here. */
export function sentenceOfWay(way: Ground, module: string, effect = way.effect): string {
  const sentence = way.role === null && effect === "grants" ? "explain.effect.superuser" : SENTENCES[effect];
  const instant = (at: string | null) => (at ? formatMoment(at) : "");
  return sentence ? say(sentence, { role: way.role ?? "", module, from: instant(way.valid_from), until: instant(way.valid_until) }) : way.detail;
}

/** What a role asks of its users besides. */
export function sentenceOfCondition({ role, code, networks, detail }: Schemas["AskedCondition"]): string {
  if (code === "second-factor-required") return say("explain.condition.second-factor-required", { role });
  return networks.length ? say("explain.condition.network-not-allowed", { role, networks: networks.join(", ") }) : detail;
}

/** Why a person holds a permission, or what is in the way. */
export const sentencesOf = ({ reasons, near_misses = [] }: { reasons: Ground[]; near_misses?: Ground[] }, module: string): string =>
  (reasons.length ? reasons : near_misses).map((way) => sentenceOfWay(way, module)).join(" ");
