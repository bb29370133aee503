// The API keys of the person: make one, which is shown once, and revoke it.
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, useRead, type Page, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Table } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { say } from "../words/say.ts";
import { MadeKey, NewKey, useOwnPermissions } from "./NewKey.tsx";

type Key = Schemas["ApiKeyRead"];
const KEYS = "/api/v1/auth/api-keys";

export function Keys() {
  const page = useRead<Page<Key>>(KEYS, { limit: 100 });
  const [open, setOpen] = useState<"new" | Key | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const offered = useOwnPermissions();
  const close = () => setOpen(null);
  const make = (body: Schemas["ApiKeyCreate"]) => data(api.POST("/api/v1/auth/api-keys", { body })).finally(() => forget(KEYS));
  const revoke = async (headers: Record<string, string>) => {
    if (open === null || open === "new") return;
    await data(api.DELETE("/api/v1/auth/api-keys/{id}", { params: { path: { id: open.id } }, headers }));
    await forget(KEYS);
  };
  return (
    <section className="wide" aria-labelledby="keys">
      <header>
        <h2 id="keys">{say("key.title")}</h2>
        <button type="button" onClick={() => setOpen("new")}><Icon name="plus" />{say("key.make")}</button>
      </header>
      <Answered to={page}>{({ items }) => (items.length ? <KeyTable keys={items} onRevoke={setOpen} /> : <Empty />)}</Answered>
      {open === "new" && <NewKey offered={offered} make={make} onClose={close} onMade={(key) => (close(), setMade(key))} />}
      {open !== null && open !== "new" && (
        <Confirm title={say("key.revoke-title", { name: open.name })} action={say("key.revoke")} danger withReason onClose={close} onConfirm={revoke}><p>{say("key.revoke-help")}</p></Confirm>
      )}
      {made !== null && <MadeKey secret={made} onClose={() => setMade(null)} />}
    </section>
  );
}

function KeyTable({ keys, onRevoke }: { keys: Key[]; onRevoke: (key: Key) => void }) {
  return (
    <Table label={say("key.title")} rows={keys} id={({ id }) => id} columns={[
      { name: "name", label: say("key.name"), cell: ({ name }) => <strong>{name}</strong> },
      { name: "prefix", label: say("key.prefix"), cell: ({ prefix }) => <code>{`ak_${prefix}`}</code> },
      { name: "scopes", label: say("key.scopes"), cell: ({ scopes }) => scopes.join(", ") },
      { name: "expires_at", label: say("key.expires"), cell: ({ expires_at }) => (expires_at ? <Moment at={expires_at} /> : say("key.never")) },
      { name: "last_used_at", label: say("key.last-used"), cell: ({ last_used_at }) => (last_used_at ? <Moment at={last_used_at} ago /> : say("key.never")) },
      { name: "revoke", label: say("account.actions"), cell: (key) => (key.revoked_at ? say("key.revoked") : <button type="button" onClick={() => onRevoke(key)}>{say("key.revoke")}</button>) },
    ]} />
  );
}
