// Changes that wait for a second person, and what became of those that waited.
import type { Schemas } from "../api/queries.ts";
import { useAddress, useGo, valueOf } from "../parts/address.ts";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { Heading, Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { ApprovalState, describe } from "./waiting.tsx";
import { Pages } from "./Pages.tsx";

type Waiting = Schemas["ApprovalRead"];

const columns = (): Column<Waiting>[] => [
  { name: "what", label: say("approvals.what"), cell: (one) => <strong>{describe(one)}</strong> },
  { name: "requester", label: say("approvals.requester"), cell: ({ requester }) => requester?.name ?? say("user.erased") },
  { name: "at", label: say("access.at"), cell: ({ created_at }) => <Moment at={created_at} ago /> },
  { name: "state", label: say("roles.state"), cell: ({ state }) => <ApprovalState state={state} /> },
  { name: "ends", label: say("access.ends"), cell: ({ state, expires_at }) => state === "pending" && <Moment at={expires_at} /> },
  { name: "reason", label: say("reason.label"), cell: ({ reason }) => reason },
];

export default function Approvals() {
  const [search, change] = useAddress();
  const go = useGo();
  const all = valueOf(search, "waiting") === "false";
  return (
    <>
      <Heading title={say("approvals.title")} note={say("approvals.note")} />
      <Toolbar label={say("approvals.title")}>
        <button type="button" aria-pressed={!all} onClick={() => change({ waiting: undefined })}>{say("approvals.waiting")}</button>
        <button type="button" aria-pressed={all} onClick={() => change({ waiting: "false" })}>{say("approvals.decided")}</button>
      </Toolbar>
      <Pages<Waiting> path="/api/v1/approvals" query={{ waiting: !all }}>
        {(items) => (items.length ? <Table label={say("approvals.title")} columns={columns()} rows={items} id={({ id }) => id} onOpen={({ id }) => go(`/approvals/${id}`)} /> : <Empty>{say(all ? "approvals.none-decided" : "approvals.none")}</Empty>)}
      </Pages>
    </>
  );
}
