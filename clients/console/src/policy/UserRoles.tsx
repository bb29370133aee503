// The roles of a person with their terms: give, change the terms, take.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMay, type Schemas } from "../api/queries.ts";
import { auditReason } from "../parts/Confirm.tsx";
import { Chip } from "../parts/Chip.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { Toolbar } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import type { Change } from "./change.ts";
import { Consequences } from "./Consequences.tsx";
import { GiveRole } from "./GiveRole.tsx";
import { TermsFields, toLocal, toTerms } from "./Terms.tsx";
import type { Overview } from "./User.tsx";

type Assignment = Schemas["AssignmentRead"];
type Named = { id: string; name: string };

export function UserRoles({ overview: { user, assignments } }: { overview: Overview }) {
  const may = useMay();
  const mayGive = may("users:update") && may("roles:read") && !user.deleted_at;
  const person = { id: user.id, name: user.username };
  const columns: Column<Assignment>[] = [
    { name: "role", label: say("roles.role"), cell: ({ role }) => <strong>{may("roles:read") ? <Link to={`/roles/${role.id}` as string}>{role.name}</Link> : role.name}</strong> },
    { name: "state", label: say("roles.state"), cell: (assignment) => <State {...assignment} /> },
    { name: "from", label: say("roles.from"), cell: ({ valid_from }) => valid_from && <Moment at={valid_from} /> },
    { name: "until", label: say("roles.until"), cell: ({ valid_until }) => valid_until && <Moment at={valid_until} /> },
    { name: "reason", label: say("reason.label"), cell: ({ reason }) => reason },
    ...(mayGive ? [{ name: "act", label: say("roles.actions"), cell: (assignment: Assignment) => <Acts user={person} assignment={assignment} /> }] : []),
  ];
  return (
    <>
      {mayGive && <Toolbar label={say("user.roles-tools")}><GiveRole user={person} /></Toolbar>}
      {assignments.length ? <Table label={say("user.roles-tools")} columns={columns} rows={assignments} id={({ role_id }) => role_id} /> : <Empty>{say("roles.none")}</Empty>}
    </>
  );
}

/** Whether an assignment counts now. */
export function State({ valid_from, valid_until, role }: Pick<Assignment, "valid_from" | "valid_until"> & { role?: Assignment["role"] }) {
  const now = Date.now();
  if (role && !role.is_active) return <Chip tone="warn">{say("roles.inactive")}</Chip>;
  if (valid_from && Date.parse(valid_from) > now) return <Chip tone="info">{say("roles.to-come")}</Chip>;
  if (valid_until && Date.parse(valid_until) <= now) return <Chip tone="bad">{say("roles.ended")}</Chip>;
  return <Chip tone="good">{say("roles.counts")}</Chip>;
}

function Acts({ user, assignment }: { user: Named; assignment: Assignment }) {
  const [open, setOpen] = useState<"terms" | "take" | null>(null);
  const close = () => setOpen(null);
  const { role } = assignment;
  return (
    <span className="acts">
      <button type="button" aria-label={say("roles.change-terms-of", { role: role.name })} onClick={() => setOpen("terms")}>{say("roles.change-terms")}</button>
      <button type="button" aria-label={say("roles.take-one", { role: role.name, who: user.name })} onClick={() => setOpen("take")}>{say("roles.take")}</button>
      {open === "terms" && <ChangeTerms user={user} assignment={assignment} onClose={close} />}
      {open === "take" && (
        <Consequences title={say("roles.take-one", { role: role.name, who: user.name })} action={say("roles.take")} danger onClose={close}
          change={{ method: "post", path: `/api/v1/roles/${role.id}/users`, body: { unassign: [user.id] } }} />
      )}
    </span>
  );
}

function ChangeTerms({ user, assignment: { role, valid_from, valid_until, reason }, onClose }: { user: Named; assignment: Assignment; onClose: () => void }) {
  const [terms, setTerms] = useState({ from: toLocal(valid_from), until: toLocal(valid_until), reason: reason ?? "" });
  const [change, setChange] = useState<Change | null>(null);
  const title = say("roles.change-terms-of", { role: role.name });
  const submit = () => setChange({ method: "post", path: `/api/v1/roles/${role.id}/users`, body: { assign: [user.id], ...toTerms(terms) }, headers: auditReason(terms.reason) });
  if (change) return <Consequences title={title} action={say("effects.apply")} change={change} withReason={false} onClose={onClose} />;
  return (
    <Dialog title={title} onClose={onClose} onSubmit={submit} actions={<button type="submit" className="primary">{say("effects.ask")}</button>}>
      <TermsFields terms={terms} onChange={setTerms} />
    </Dialog>
  );
}
