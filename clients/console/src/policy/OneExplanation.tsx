// The answer about one person and one permission: the sentence, the ways that are open, and those that almost are.
import { useMay, type Schemas } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Moment } from "../parts/Time.tsx";
import { say } from "../words/say.ts";
import { GiveRole } from "./GiveRole.tsx";
import { NearMiss, OpenWay } from "./Ways.tsx";
import { useTitles, useWords } from "./permissions.ts";
import { sentenceOfCondition } from "./sentences.ts";
import { UserLink } from "./UserLink.tsx";

type Explanation = Schemas["Explanation"];

export function OneExplanation({ found, isPast }: { found: Explanation; isPast: boolean }) {
  return (
    <section className="panel explanation" aria-label={say("explain.answer")}>
      <Sentence found={found} isPast={isPast} />
      {found.conditions.map((condition) => <p key={condition.role + condition.code} className="callout warn">{sentenceOfCondition(condition)}</p>)}
      {found.reasons.length > 0 && (
        <>
          <h2>{say("explain.open-ways")}</h2>
          <ul>{found.reasons.map((way, index) => <OpenWay key={index} way={way} found={found} />)}</ul>
        </>
      )}
      {found.near_misses.length > 0 && (
        <>
          <h2>{say("explain.near-misses")}</h2>
          <ul>{found.near_misses.map((way, index) => <NearMiss key={index} way={way} found={found} fixable={!isPast} />)}</ul>
        </>
      )}
      {!found.allowed && !isPast && <Mend found={found} />}
    </section>
  );
}

function Sentence({ found, isPast }: { found: Explanation; isPast: boolean }) {
  const words = useWords();
  const may = useMay();
  const titles = useTitles();
  const what = words(found.permission);
  const hasNoWay = !found.reasons.length && !found.near_misses.length;
  return (
    <>
      <p className="verdict">
        <Chip tone={found.allowed ? "good" : "bad"}><Icon name={found.allowed ? "check" : "x"} />{say(found.allowed ? "explain.yes" : "explain.no")}</Chip>
        <strong>{say(found.allowed ? "explain.may" : "explain.may-not", { who: found.username, what })}</strong>
      </p>
      {hasNoWay && <p>{say("explain.no-role", { module: titles.module(found.permission.split(":")[0] ?? "") })}</p>}
      <small>
        <UserLink id={found.user_id} name={found.username} link={may("users:read")} />{" · "}<code>{found.permission}</code>{" · "}
        {say(isPast ? "explain.as-of" : "explain.now", { version: found.policy_version })}{isPast && <>{" · "}<Moment at={found.at} /></>}
      </small>
    </>
  );
}

/** The shortest way to the permission: a role that grants it. */
function Mend({ found }: { found: Explanation }) {
  const may = useMay();
  if (!may("users:update") || !may("roles:read")) return null;
  return (
    <p className="mend">
      <span>{say("explain.give-role")}</span>
      <GiveRole user={{ id: found.user_id, name: found.username }} granting={found.permission} />
    </p>
  );
}
