// One request: who, from where, in which session, why, what it changed, and what else they did.
import { useParams } from "@tanstack/react-router";
import { useRead, type Schemas } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { To } from "../parts/To.tsx";
import { say } from "../words/say.ts";
import { CallFacts } from "./CallFacts.tsx";
import { ChangeEntry } from "./ChangeEntry.tsx";
import { actorName } from "./Actor.tsx";
import { toActor, toChanges } from "./places.ts";

const MOST = 100;

export default function CallScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const call = useRead<Schemas["CallRead"]>(`/api/v1/audit/calls/${encodeURIComponent(id)}`, { limit: MOST });
  return <Answered to={call}>{(found) => <Call call={found} />}</Answered>;
}

function Call({ call }: { call: Schemas["CallRead"] }) {
  const { request, actor_id: actor, changes } = call;
  return (
    <>
      <Heading title={request ? <code>{`${request.method} ${request.path}`}</code> : say("record.work")}>
        {actor && <To place={toActor(actor)} className="button"><Icon name="user" />{say("record.everything", { name: actorName(call) })}</To>}
      </Heading>
      <section className="panel"><CallFacts call={call} /></section>
      <section aria-label={say("record.its-changes")}>
        <h2 className="part">{say("record.its-changes")}</h2>
        {!changes.items.length && <Empty>{say("record.no-changes")}</Empty>}
        <ol className="entries">{changes.items.map((entry) => <li key={entry.id}><ChangeEntry entry={entry} inCall /></li>)}</ol>
        {changes.next_cursor && <To place={toChanges({ call_id: call.call_id })}>{say("record.all-changes")}</To>}
      </section>
    </>
  );
}
