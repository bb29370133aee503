// The time line of the policy: each version with its author, what it changed in words, and on how many people it had effects.
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { Empty } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { sentenceOf } from "./changes.ts";
import { Pages } from "./Pages.tsx";

type Version = Schemas["VersionRead"];
const FEW = 3;

export default function Versions() {
  return (
    <>
      <Heading title={say("versions.title")} note={say("versions.note")} />
      <Pages<Version> path="/api/v1/rbac/versions" query={{ limit: 30 }}>
        {(versions) => (versions.length ? <ol className="versions">{versions.map((version) => <OneVersion key={version.id} version={version} />)}</ol> : <Empty />)}
      </Pages>
    </>
  );
}

function OneVersion({ version }: { version: Version }) {
  const { id, at, actor_name, restores, changes, effect_totals: totals } = version;
  const hidden = changes.length - FEW;
  return (
    <li className="panel">
      <p className="who">
        <Link to={`/roles/versions/${id}` as string}><b>{say("versions.number", { id })}</b></Link>
        <span>{actor_name ?? say("history.system")}</span><Moment at={at} ago />
        {restores !== null && <Chip tone="info">{say("versions.restores", { id: restores })}</Chip>}
        {totals.gained > 0 && <Chip tone="good">{say("versions.gained", { count: totals.gained })}</Chip>}
        {totals.lost > 0 && <Chip tone="bad">{say("versions.lost", { count: totals.lost })}</Chip>}
      </p>
      <ul>{changes.slice(0, FEW).map((change) => <li key={change.entity + change.id}>{sentenceOf(change)}</li>)}</ul>
      {hidden > 0 && <small>{say("versions.more", { count: hidden })}</small>}
    </li>
  );
}
