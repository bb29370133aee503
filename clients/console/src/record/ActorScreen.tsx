// Everything that one user or API key did: requests, changes and attempts to sign in, newest first.
import { useParams } from "@tanstack/react-router";
import { useRead, type Page, type Schemas } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { listQuery } from "../generic/list.ts";
import { Pager } from "../generic/Pager.tsx";
import { useAddress, valueOf } from "../parts/address.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Call, Status } from "./Access.tsx";
import { ChangeEntry, Seq } from "./ChangeEntry.tsx";
import type { Access } from "./log.ts";
import { toAccess, toCall, toChanges, toLogins } from "./places.ts";

type Entry = Schemas["TimelineEntry"];

const pathOf = (id: string) => `/api/v1/audit/actors/${encodeURIComponent(id)}/timeline`;

export default function ActorScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const [search] = useAddress();
  const page = useRead<Page<Entry>>(pathOf(id), listQuery(search));
  return (
    <>
      <Heading title={nameIn(page.data?.items ?? [], id)} note={say("record.timeline")} />
      <Timeline id={id} />
    </>
  );
}

/** What an actor did, by the period and page of the address; also a part of the screen of a user. */
export function Timeline({ id }: { id: string }) {
  const [search, change] = useAddress();
  const page = useRead<Page<Entry>>(pathOf(id), listQuery(search));
  const withKeys = valueOf(search, "keys") === "true";
  return (
    <>
      <Toolbar label={say("record.timeline")}>
        <button type="button" aria-pressed={withKeys} onClick={() => change({ keys: withKeys ? undefined : "true", cursor: undefined })}>
          <Icon name="key" />{say("record.with-keys")}
        </button>
        <To place={toChanges({ actor_id: id })} className="button">{say("record.changes")}</To>
        <To place={toAccess({ actor_id: id })} className="button">{say("record.access")}</To>
        <To place={toLogins({ user_id: id })} className="button">{say("record.logins")}</To>
      </Toolbar>
      <Answered to={page}>
        {(found) => (
          <>
            {!found.items.length && <Empty>{say("record.empty")}</Empty>}
            <ol className="entries">{found.items.map((entry) => <li key={`${entry.kind} ${entry.id}`}><OneEntry entry={entry} /></li>)}</ol>
            <Pager resource={{ path: pathOf(id) } as Resource} page={found} counted={false} />
          </>
        )}
      </Answered>
    </>
  );
}

/** What the newest entry calls the actor. */
function nameIn(entries: Entry[], id: string): string {
  const found = entries.map(({ request, change }) => request ?? change).find((entry) => entry?.actor_id === id && entry.actor_name);
  return found?.actor_name ?? say("record.actor.unknown");
}

function OneEntry({ entry: { kind, request, change } }: { entry: Entry }) {
  if (change) return <ChangeEntry entry={change} />;
  return request && <Request request={request} signIn={kind === "sign-in"} />;
}

export function Request({ request, signIn }: { request: Access; signIn: boolean }) {
  return (
    <article className="entry line" aria-label={`${request.method} ${request.path}`}>
      <header>
        <Instant at={request.at} />
        {signIn ? <span><Icon name="log-in" /> {say("record.sign-in")}</span> : <Call of={request} />}
        <Status of={request} />
        <span className="gap" />
        {request.ip && <To place={toAccess({ ip: request.ip })}>{request.ip}</To>}
        {request.call_id && <To place={toCall(request.call_id)}>{say("record.request")}</To>}
        <Seq log="access" seq={request.seq} />
      </header>
    </article>
  );
}
