// What a person did: requests, changes and attempts to sign in, newest first.
import { useMay, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Chip } from "../parts/Chip.tsx";
import { Empty, Missing } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { Toolbar } from "../parts/Toolbar.tsx";
import { say, sayIfKnown } from "../words/say.ts";
import { Pages } from "./Pages.tsx";

type Entry = Schemas["TimelineEntry"];

export function UserActivity({ user }: { user: Schemas["UserRead"] }) {
  const [search, change] = useAddress();
  const may = useMay();
  const keys = valueOf(search, "keys") === "true";
  if (!may("audit:read")) return <Missing permission="audit:read" />;
  return (
    <>
      <Toolbar label={say("user.activity")}>
        <label className="check"><input type="checkbox" checked={keys} onChange={() => change({ keys: keys ? undefined : "true" })} />{say("activity.keys")}</label>
      </Toolbar>
      <Pages<Entry> path={`/api/v1/audit/actors/${user.id}/timeline`} query={{ limit: 50, keys }}>
        {(entries) => (entries.length ? <Table label={say("user.activity")} columns={COLUMNS} rows={entries} id={({ kind, id }) => `${kind}-${id}`} /> : <Empty>{say("activity.none")}</Empty>)}
      </Pages>
    </>
  );
}

const COLUMNS: Column<Entry>[] = [
  { name: "at", label: say("access.at"), cell: ({ at }) => <Moment at={at} /> },
  { name: "kind", label: say("activity.kind"), cell: ({ kind }) => say(`activity.${kind}`) },
  { name: "what", label: say("activity.what"), cell: whatOf },
  { name: "outcome", label: say("activity.outcome"), cell: ({ request }) => request && <Chip tone={request.status < 400 ? "good" : "bad"}>{request.error_code ? humanize(request.error_code) : request.status}</Chip> },
  { name: "reason", label: say("reason.label"), cell: ({ request, change }) => (request ?? change)?.reason },
];

function whatOf({ request, change }: Entry) {
  if (change) return <>{sayIfKnown(`history.action.${change.action}`, humanize(change.action))} <strong>{humanize(change.entity)} {change.item_name}</strong> <small>{Object.keys(change.changes).map(humanize).join(", ")}</small></>;
  if (request) return <><code>{request.method} {request.path}</code> <small>{request.item_name}</small></>;
  return null;
}
