// Where the person is signed in, and the way to end that.
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, useRead, type Page, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Device } from "../parts/Device.tsx";
import { Answered } from "../parts/states.tsx";
import { Table } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

type Session = Schemas["SessionRead"];
const PATH = "/api/v1/auth/me/sessions";
const OTHERS = "others";

export function Sessions() {
  const page = useRead<Page<Session>>(PATH, { limit: 100 });
  const [ending, setEnding] = useState<Session | typeof OTHERS | null>(null);
  const end = async () => {
    const all = ending === OTHERS || ending === null;
    await data(all ? api.DELETE("/api/v1/auth/me/sessions") : api.DELETE("/api/v1/auth/me/sessions/{id}", { params: { path: { id: ending.id } } }));
    await forget(PATH);
    toast(say("session.ended"));
  };
  const title = ending === OTHERS ? say("session.end-others-title") : say("session.end-title", { device: ending?.device ?? "" });
  return (
    <section className="wide" aria-labelledby="sessions">
      <header>
        <h2 id="sessions">{say("session.title")}</h2>
        {(page.data?.items.length ?? 0) > 1 && <button type="button" onClick={() => setEnding(OTHERS)}>{say("session.end-others")}</button>}
      </header>
      <Answered to={page}>
        {({ items }) => (
          <Table label={say("session.title")} rows={items} id={({ id }) => id} columns={[
            { name: "device", label: say("session.device"), cell: (session) => <Device of={session} /> },
            { name: "ip", label: say("session.address"), cell: ({ ip }) => ip },
            { name: "last_used_at", label: say("session.last-used"), cell: ({ last_used_at }) => <Moment at={last_used_at} ago /> },
            { name: "created_at", label: say("session.since"), cell: ({ created_at }) => <Moment at={created_at} /> },
            { name: "end", label: say("account.actions"), cell: (session) => !session.is_current && <button type="button" onClick={() => setEnding(session)}>{say("session.end")}</button> },
          ]} />
        )}
      </Answered>
      {ending && <Confirm title={title} action={say("session.end")} danger onClose={() => setEnding(null)} onConfirm={end}><p>{say("session.end-help")}</p></Confirm>}
    </section>
  );
}
