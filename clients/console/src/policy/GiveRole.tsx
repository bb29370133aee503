// Gives a role to a person, on terms; what it would do is shown before it is done.
import { useState } from "react";
import { useRead, type Page } from "../api/queries.ts";
import { auditReason } from "../parts/Confirm.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Labelled } from "../parts/Input.tsx";
import { say } from "../words/say.ts";
import type { Change } from "./change.ts";
import { Consequences } from "./Consequences.tsx";
import type { Row } from "./matrix.ts";
import { FLAGS } from "./permissions.ts";
import { NO_TERMS, TermsFields, toTerms, type TermsDraft } from "./Terms.tsx";

type Named = { id: string; name: string };
type GiveRoleProps = { user: Named; /** Offers only roles that grant this permission. */ granting?: string };

export function GiveRole(props: GiveRoleProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}><Icon name="plus" />{say("roles.give")}</button>
      {open && <GiveDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

/** Whether a role grants a permission, as the matrix says. */
function grants({ is_active, modules }: Row, permission: string): boolean {
  const [slug, action = ""] = permission.split(":");
  const grant = modules.find(({ module_slug }) => module_slug === slug);
  const flag = FLAGS.find((one) => one === action);
  if (!grant || !is_active) return false;
  return action === "read" || (flag ? grant[`can_${flag}`] === true : (grant.actions ?? []).includes(action));
}

function GiveDialog({ user, granting, onClose }: GiveRoleProps & { onClose: () => void }) {
  const { data } = useRead<Page<Row>>("/api/v1/roles/matrix", { limit: 100, sort: "sort_order" });
  const [role, setRole] = useState("");
  const [terms, setTerms] = useState<TermsDraft>(NO_TERMS);
  const [change, setChange] = useState<Change | null>(null);
  const offered = (data?.items ?? []).filter((row) => !granting || grants(row, granting));
  const name = offered.find(({ role_id }) => role_id === role)?.role_name ?? "";
  const submit = () => setChange({ method: "post", path: `/api/v1/roles/${role}/users`, body: { assign: [user.id], ...toTerms(terms) }, headers: auditReason(terms.reason) });
  if (change) {
    return <Consequences title={say("roles.give-one", { role: name, who: user.name })} action={say("effects.apply")} change={change} withReason={false} onClose={onClose} />;
  }
  return (
    <Dialog title={say("roles.give-to", { who: user.name })} onClose={onClose} onSubmit={submit} actions={<button type="submit" className="primary">{say("effects.ask")}</button>}>
      <Labelled label={say("roles.role")} required>
        {(ids) => (
          <select {...ids} required value={role} onChange={(event) => setRole(event.target.value)}>
            <option value="">{say("form.unchosen")}</option>
            {offered.map(({ role_id, role_name }) => <option key={role_id} value={role_id}>{role_name}</option>)}
          </select>
        )}
      </Labelled>
      {granting && data && !offered.length && <p className="callout warn">{say("roles.none-grants")}</p>}
      <TermsFields terms={terms} onChange={setTerms} />
    </Dialog>
  );
}
