// What is stored about a person, whether it must be kept, and the erasure of all of it.
import { useParams } from "@tanstack/react-router";
import { useRead, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import type { Resource } from "../document/read.ts";
import { useCan, useUnreadable } from "../generic/allowed.ts";
import { WithResource } from "../generic/WithResource.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered, MissingScreen } from "../parts/states.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import { actorName } from "./Actor.tsx";
import { Erase } from "./Erase.tsx";
import { LegalHold } from "./LegalHold.tsx";
import { toCall, toChanges } from "./places.ts";

export type Personal = Schemas["PersonalDataRead"];

export default function PersonScreen() {
  const { slug, id } = useParams({ strict: false }) as { slug: string; id: string };
  return <WithResource slug={slug}>{(resource) => <Guarded resource={resource} id={id} />}</WithResource>;
}

function Guarded({ resource, id }: { resource: Resource; id: string }) {
  const can = useCan(resource);
  const unreadable = useUnreadable(resource);
  const missing = can("personal-data") ? unreadable : ["audit:read", `${resource.slug}:read`];
  return missing.length ? <MissingScreen title={say("record.personal-data")} permission={missing} /> : <Loaded resource={resource} id={id} />;
}

function Loaded({ resource, id }: { resource: Resource; id: string }) {
  const path = `${resource.path}/${encodeURIComponent(id)}`;
  const found = useRead<Personal>(`${path}/personal-data`, { limit: 1 });
  return <Answered to={found}>{(data) => <Person resource={resource} path={path} data={data} />}</Answered>;
}

function Person({ resource, path, data }: { resource: Resource; path: string; data: Personal }) {
  const name = data.rows[data.entity]?.[0]?.[resource.title];
  return (
    <>
      <To place={{ to: `/${resource.slug}/${data.id}` }} className="back"><Icon name="arrow-left" />{resource.one}</To>
      <Heading title={say("record.personal-data")} note={typeof name === "string" ? name : undefined} />
      <Stored data={data} />
      {data.erasure ? <Erased by={data.erasure} /> : <LegalHold path={path} hold={data.hold} />}
      {!data.erasure && <Erase path={path} isHeld={data.hold?.holds ?? false} />}
    </>
  );
}

function Stored({ data: { rows, callers, is_complete, entity, id } }: { data: Personal }) {
  return (
    <section className="panel">
      <h2>{say("record.stored")}</h2>
      <dl className="facts-list">
        {Object.entries(rows).filter(([, found]) => found.length).map(([table, found]) => (
          <div key={table}><dt>{humanize(table)}</dt><dd>{say("record.rows", { count: found.length })}</dd></div>
        ))}
        {callers.length > 0 && <div><dt>{say("record.callers")}</dt><dd>{formatNumber(callers.length)}</dd></div>}
      </dl>
      {!is_complete && <p>{say("record.incomplete")}</p>}
      <p><To place={toChanges({ entity, entity_id: id })}>{say("record.all-changes")}</To></p>
    </section>
  );
}

function Erased({ by }: { by: Schemas["ErasureRead"] }) {
  return (
    <section className="panel">
      <h2>{say("record.erased")}</h2>
      <p>{say("record.erased-by", { name: actorName(by), reason: by.reason })} <Instant at={by.at} /></p>
      <p><To place={toCall(by.call_id)}>{say("record.request")}</To></p>
    </section>
  );
}
