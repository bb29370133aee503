// How a person comes in: open sessions, API keys, attempts to sign in.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { MadeKey, NewKey, useOwnPermissions } from "../account/NewKey.tsx";
import { api, call, data } from "../api/client.ts";
import { forget, me, useMay, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { Chip } from "../parts/Chip.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Device } from "../parts/Device.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { toast } from "../parts/toast.tsx";
import { Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { Pages } from "./Pages.tsx";
import { EVERYTHING } from "./permissions.ts";
import type { Overview } from "./User.tsx";

type User = Schemas["UserRead"];
type Session = Schemas["SessionRead"];
type Key = Schemas["ApiKeyRead"];
type Login = Schemas["LoginRead"];

/** A button that ends something, after it was asked. */
function End({ path, label, title, done }: { path: string; label: string; title: string; done: string }) {
  const [asking, setAsking] = useState(false);
  const end = async (headers: Record<string, string>) => {
    await call("delete", path, { headers });
    toast(done);
    void forget("/api/v1");
  };
  return (
    <>
      <button type="button" aria-label={title} onClick={() => setAsking(true)}>{label}</button>
      {asking && <Confirm title={title} action={label} danger withReason onClose={() => setAsking(false)} onConfirm={end} />}
    </>
  );
}

export function UserSessions({ user }: { user: User }) {
  const may = useMay();
  const path = `/api/v1/users/${user.id}/sessions`;
  const columns: Column<Session>[] = [
    { name: "device", label: say("access.device"), cell: (session) => <Device of={session} /> },
    { name: "ip", label: say("access.address"), cell: ({ ip }) => ip && <code>{ip}</code> },
    { name: "created", label: say("access.since"), cell: ({ created_at }) => <Moment at={created_at} ago /> },
    { name: "used", label: say("access.last-used"), cell: ({ last_used_at }) => <Moment at={last_used_at} ago /> },
    { name: "expires", label: say("access.ends"), cell: ({ expires_at }) => <Moment at={expires_at} /> },
    ...(may("users:update") ? [{ name: "end", label: say("roles.actions"), cell: ({ id, device }: Session) => <End path={`${path}/${id}`} label={say("access.end")} title={say("access.end-one", { device })} done={say("access.ended")} /> }] : []),
  ];
  return (
    <Pages<Session> path={path}>
      {(sessions) => (sessions.length === 0 ? <Empty>{say("access.no-session")}</Empty> : (
        <>
          {may("users:update") && <Toolbar label={say("user.sessions")}><End path={path} label={say("access.end-all")} title={say("access.end-all-of", { who: user.username })} done={say("access.ended")} /></Toolbar>}
          <Table label={say("user.sessions")} columns={columns} rows={sessions} id={({ id }) => id} />
        </>
      ))}
    </Pages>
  );
}

function keyState({ revoked_at, expires_at }: Key) {
  if (revoked_at) return <Chip tone="bad">{say("access.revoked")}</Chip>;
  if (expires_at && Date.parse(expires_at) <= Date.now()) return <Chip tone="bad">{say("access.expired")}</Chip>;
  return <Chip tone="good">{say("access.valid")}</Chip>;
}

/** Makes a key of another user, such as a service account: with what both that user and the person hold. */
function MakeKey({ overview: { user, permissions: held } }: { overview: Overview }) {
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const own = useOwnPermissions();
  const { data: person } = useQuery(me);
  const may = useMay();
  if (!may("users:update") || user.deleted_at || person?.id === user.id) return null;
  const theirs = held && new Set(held.map(({ permission }) => permission));
  const offered = theirs && !theirs.has(EVERYTHING) ? own.filter((permission) => theirs.has(permission)) : own;
  const make = (body: Schemas["ApiKeyCreate"]) =>
    data(api.POST("/api/v1/users/{user_id}/api-keys", { params: { path: { user_id: user.id } }, body })).finally(() => forget("/api/v1"));
  return (
    <Toolbar label={say("user.keys")}>
      <button type="button" onClick={() => setMaking(true)}><Icon name="plus" />{say("key.make")}</button>
      {making && <NewKey offered={offered} make={make} onClose={() => setMaking(false)} onMade={(key) => (setMaking(false), setMade(key))} />}
      {made !== null && <MadeKey secret={made} onClose={() => setMade(null)} />}
    </Toolbar>
  );
}

export function UserKeys({ overview }: { overview: Overview }) {
  const may = useMay();
  const { user } = overview;
  const path = `/api/v1/users/${user.id}/api-keys`;
  const columns: Column<Key>[] = [
    { name: "name", label: say("access.key"), cell: ({ name, prefix }) => <><strong>{name}</strong> <code>{prefix}</code></> },
    { name: "state", label: say("roles.state"), cell: keyState },
    { name: "scopes", label: say("access.scopes"), cell: ({ scopes }) => scopes.join(", ") },
    { name: "used", label: say("access.last-used"), cell: ({ last_used_at }) => (last_used_at ? <Moment at={last_used_at} ago /> : say("access.never")) },
    { name: "expires", label: say("access.ends"), cell: ({ expires_at }) => (expires_at ? <Moment at={expires_at} /> : say("access.never")) },
    ...(may("users:update") ? [{ name: "end", label: say("roles.actions"), cell: ({ id, name, revoked_at }: Key) => !revoked_at && <End path={`${path}/${id}`} label={say("access.revoke")} title={say("access.revoke-one", { name })} done={say("access.key-revoked")} /> }] : []),
  ];
  return (
    <>
      <MakeKey overview={overview} />
      <Pages<Key> path={path}>{(keys) => (keys.length ? <Table label={say("user.keys")} columns={columns} rows={keys} id={({ id }) => id} /> : <Empty>{say("access.no-key")}</Empty>)}</Pages>
    </>
  );
}

export function UserLogins({ user }: { user: User }) {
  const columns: Column<Login>[] = [
    { name: "at", label: say("access.at"), cell: ({ at }) => <Moment at={at} /> },
    { name: "outcome", label: say("roles.state"), cell: ({ is_successful, reason }) => (is_successful ? <Chip tone="good">{say("access.signed-in")}</Chip> : <Chip tone="bad">{humanize(reason ?? "")}</Chip>) },
    { name: "ip", label: say("access.address"), cell: ({ ip }) => ip && <code>{ip}</code> },
    { name: "agent", label: say("access.agent"), cell: ({ user_agent }) => user_agent },
  ];
  return <Pages<Login> path="/api/v1/auth/logins" query={{ user_id: user.id }}>{(logins) => (logins.length ? <Table label={say("user.sign-ins")} columns={columns} rows={logins} id={({ id }) => id} /> : <Empty>{say("user.never-signed-in")}</Empty>)}</Pages>;
}
