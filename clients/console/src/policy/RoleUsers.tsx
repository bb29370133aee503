// Who has a role, on which terms: give it to many, take it from many.
import { useState } from "react";
import { ifMatch } from "../api/client.ts";
import { useMay, type Schemas } from "../api/queries.ts";
import { RemovableChip, Chip } from "../parts/Chip.tsx";
import { auditReason } from "../parts/Confirm.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Picker, type Picked } from "../parts/Picker.tsx";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import type { Change } from "./change.ts";
import { Consequences } from "./Consequences.tsx";
import { Pages } from "./Pages.tsx";
import { NO_TERMS, TermsFields, toTerms } from "./Terms.tsx";
import { UserLink } from "./UserLink.tsx";
import { State } from "./UserRoles.tsx";

type Role = { id: string; name: string; version: number };
type Holder = Schemas["RoleHolder"];

const changeOf = ({ id, version }: Role, body: object, headers = {}): Change => ({ method: "post", path: `/api/v1/roles/${id}/users`, body, headers: { ...ifMatch(version), ...headers } });

export function RoleUsers({ role, isDeleted }: { role: Role; isDeleted: boolean }) {
  const may = useMay();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<"give" | "take" | null>(null);
  const mayGive = may("users:update") && may("users:read") && !isDeleted;
  const close = () => setOpen(null);
  const columns: Column<Holder>[] = [
    { name: "username", label: say("explain.username"), cell: ({ id, username, is_active }) => <><strong><UserLink id={id} name={username} link={may("users:read")} /></strong> {!is_active && <Chip tone="bad">{say("user.inactive")}</Chip>}</> },
    { name: "state", label: say("roles.state"), cell: (holder) => <State {...holder} /> },
    { name: "from", label: say("roles.from"), cell: ({ valid_from }) => valid_from && <Moment at={valid_from} /> },
    { name: "until", label: say("roles.until"), cell: ({ valid_until }) => valid_until && <Moment at={valid_until} /> },
    { name: "reason", label: say("reason.label"), cell: ({ reason }) => reason },
  ];
  return (
    <>
      {mayGive && (
        <Toolbar label={say("roles.users")}>
          <button type="button" onClick={() => setOpen("give")}><Icon name="plus" />{say("roles.give-many")}</button>
          {selected.size > 0 && <button type="button" className="danger" onClick={() => setOpen("take")}>{say("roles.take-many", { count: selected.size })}</button>}
        </Toolbar>
      )}
      {open === "give" && <GiveMany role={role} onClose={close} />}
      {open === "take" && (
        <Consequences title={say("roles.take-many", { count: selected.size })} action={say("roles.take")} danger onClose={close} onDone={() => setSelected(new Set())}
          change={changeOf(role, { unassign: [...selected] })} />
      )}
      <Pages<Holder> path={`/api/v1/roles/${role.id}/users`}>
        {(holders) => (holders.length === 0 ? <Empty>{say("roles.no-users")}</Empty> : (
          <Table label={say("roles.users")} columns={columns} rows={holders} id={({ id }) => id} name={({ username }) => username}
            {...(mayGive && { selection: { ids: selected, onChange: setSelected } })} />
        ))}
      </Pages>
    </>
  );
}

function GiveMany({ role, onClose }: { role: Role; onClose: () => void }) {
  const [people, setPeople] = useState<readonly Picked[]>([]);
  const [terms, setTerms] = useState(NO_TERMS);
  const [change, setChange] = useState<Change | null>(null);
  const add = (picked: Picked | null) => {
    if (picked && !people.some(({ id }) => id === picked.id)) setPeople([...people, picked]);
  };
  const title = say("roles.give-many-of", { role: role.name });
  if (change) return <Consequences title={title} action={say("effects.apply")} change={change} withReason={false} onClose={onClose} />;
  const submit = () => setChange(changeOf(role, { assign: people.map(({ id }) => id), ...toTerms(terms) }, auditReason(terms.reason)));
  return (
    <Dialog title={title} onClose={onClose} onSubmit={submit} actions={<button type="submit" className="primary" disabled={!people.length}>{say("effects.ask")}</button>}>
      <Picker key={people.length} slug="users" label={say("roles.people")} value={null} onChange={add} />
      <div className="chips">{people.map(({ id, name }) => <RemovableChip key={id} label={name} onRemove={() => setPeople(people.filter((one) => one.id !== id))} />)}</div>
      <TermsFields terms={terms} onChange={setTerms} />
    </Dialog>
  );
}
