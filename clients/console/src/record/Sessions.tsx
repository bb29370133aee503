// Who is signed in? The open sessions, each of which can be ended.
import { useState } from "react";
import { call } from "../api/client.ts";
import { forget, useMay, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Device } from "../parts/Device.tsx";
import type { Column } from "../parts/Table.tsx";
import { Day, Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { ListFrame } from "../generic/ListFrame.tsx";
import { Owner, ownersOf } from "./Owner.tsx";
import { toAccess, toLogins } from "./places.ts";

type Session = Schemas["OwnedSessionRead"];

export default function Sessions() {
  return <ListFrame<Session> slug="sessions" title={say("record.sessions")} columns={columns()} known={ownersOf} />;
}

const columns = (): Column<Session>[] => [
  { name: "user", label: say("record.person"), cell: ({ user }) => <Owner of={user} /> },
  { name: "device", label: say("record.device"), cell: (session) => <Device of={session} /> },
  { name: "ip", label: say("record.address"), cell: ({ ip }) => ip && <To place={toLogins({ ip })}>{ip}</To> },
  { name: "created_at", label: say("record.began"), sortable: true, cell: ({ created_at: at, id }) => <To place={toLogins({ session_id: id })}><Moment at={at} /></To> },
  { name: "last_used_at", label: say("record.last-used"), cell: (session) => <LastUsed of={session} /> },
  { name: "expires_at", label: say("record.ends"), sortable: true, cell: ({ expires_at: at }) => <Day on={at} /> },
  { name: "second_factor", label: say("record.second-factor"), cell: ({ second_factor_at: at }) => at && <Moment at={at} ago /> },
  { name: "end", label: say("record.end"), cell: (session) => !session.is_current && <End session={session} /> },
];

/** When the session was last used; for readers of the audit log, with its requests behind it. */
function LastUsed({ of: { id, last_used_at: at } }: { of: Session }) {
  const may = useMay();
  const moment = <Moment at={at} ago />;
  return may("audit:read") ? <To place={toAccess({ session_id: id })}>{moment}</To> : moment;
}

function End({ session: { id, user, device } }: { session: Session }) {
  const [asking, setAsking] = useState(false);
  const may = useMay();
  if (!may("users:update")) return null;
  const end = async (headers: Record<string, string>) => {
    await call("delete", `/api/v1/users/${user.id}/sessions/${id}`, { headers });
    toast(say("record.session-ended"));
    void forget("/api/v1/sessions");
  };
  return (
    <>
      <button type="button" className="link" onClick={() => setAsking(true)}>{say("record.end")}</button>
      {asking && (
        <Confirm title={say("record.end-session", { name: user.name })} action={say("record.end")} danger withReason onClose={() => setAsking(false)} onConfirm={end}>
          <p>{device}</p>
        </Confirm>
      )}
    </>
  );
}
