// Which API keys are there? Those that end soon, those that were never used, and what each may do.
import { useState } from "react";
import { call } from "../api/client.ts";
import { forget, useMay, type Schemas } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import type { Column } from "../parts/Table.tsx";
import { Day, Moment } from "../parts/Time.tsx";
import { toast } from "../parts/toast.tsx";
import { formatList } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Choices, ListFrame, type Choice } from "../generic/ListFrame.tsx";
import { Owner, ownersOf } from "./Owner.tsx";

type Key = Schemas["OwnedApiKeyRead"];

const SOON_MS = 30 * 86_400_000;

export default function Keys() {
  const [now] = useState(Date.now);
  const at = (ms: number) => new Date(ms).toISOString();
  const live = { revoked_at_null: "true" };
  const choices: Choice[] = [
    { label: say("record.outcome.all"), search: {} },
    { label: say("record.end-soon"), search: { ...live, expires_at_gte: at(now), expires_at_lt: at(now + SOON_MS) } },
    { label: say("record.never-used"), search: { ...live, last_used_at_null: "true" } },
  ];
  return <ListFrame<Key> slug="api-keys" title={say("record.keys")} columns={columns(now)} known={ownersOf} tools={<Choices label={say("record.keys")} choices={choices} />} />;
}

const columns = (now: number): Column<Key>[] => [
  { name: "name", label: say("record.key"), sortable: true, cell: ({ name, prefix }) => <><strong>{name}</strong> <code>{prefix}</code></> },
  { name: "user", label: say("record.person"), cell: ({ user }) => <Owner of={user} /> },
  { name: "scopes", label: say("record.scopes"), cell: ({ scopes }) => formatList(scopes) },
  { name: "addresses", label: say("record.address"), cell: ({ allowed_addresses: from }) => (from.length ? formatList(from) : say("record.anywhere")) },
  { name: "last_used_at", label: say("record.last-used"), cell: ({ last_used_at: at }) => (at ? <Moment at={at} ago /> : <Chip tone="warn">{say("record.never")}</Chip>) },
  { name: "expires_at", label: say("record.ends"), sortable: true, cell: (key) => <Ends of={key} now={now} /> },
  { name: "created_at", label: say("record.began"), sortable: true, cell: ({ created_at: at }) => <Day on={at} /> },
  { name: "end", label: say("record.revoke"), cell: (key) => !key.revoked_at && <Revoke of={key} /> },
];

function Ends({ of: { expires_at: at, revoked_at: revoked }, now }: { of: Key; now: number }) {
  if (revoked) return <Chip tone="bad">{say("record.revoked")}</Chip>;
  if (!at) return <>{say("record.never")}</>;
  const left = Date.parse(at) - now;
  return <Chip tone={left < 0 ? "bad" : left < SOON_MS ? "warn" : "plain"}><Day on={at} /></Chip>;
}

function Revoke({ of: { id, name, user_id: owner } }: { of: Key }) {
  const [asking, setAsking] = useState(false);
  const may = useMay();
  if (!may("users:update")) return null;
  const revoke = async (headers: Record<string, string>) => {
    await call("delete", `/api/v1/users/${owner}/api-keys/${id}`, { headers });
    toast(say("record.key-revoked"));
    void forget("/api/v1/api-keys");
  };
  return (
    <>
      <button type="button" className="link" onClick={() => setAsking(true)}>{say("record.revoke")}</button>
      {asking && <Confirm title={say("record.revoke-key", { name })} action={say("record.revoke")} danger withReason onClose={() => setAsking(false)} onConfirm={revoke} />}
    </>
  );
}
