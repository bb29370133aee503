// A new API key: what it may do, and the key itself, once.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { permissions, type Schemas } from "../api/queries.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Input, Labelled } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { toggle } from "../parts/toggle.ts";
import { say } from "../words/say.ts";

const SWITCHES = ["read", "create", "update", "delete", "audit"] as const;

/** What the person may do in a module, as permissions: `tasks:read`. */
const heldIn = (module: Schemas["PermissionRead"]): string[] =>
  [...SWITCHES.filter((action) => module[`can_${action}`]), ...module.actions].map((action) => `${module.module_slug}:${action}`);

const linesOf = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);

type NewKeyProps = {
  /** The permissions that the key can have. */
  offered: readonly string[];
  make: (key: Schemas["ApiKeyCreate"]) => Promise<Schemas["NewApiKey"]>;
  onClose: () => void;
  onMade: (key: string) => void;
};

/** The permissions of the person who is signed in, each of which a key can have. */
export function useOwnPermissions(): string[] {
  const { data: mine = [] } = useQuery(permissions);
  return mine.flatMap(heldIn);
}

export function NewKey({ offered, make: send, onClose, onMade }: NewKeyProps) {
  const [form, setForm] = useState({ name: "", expires: "", addresses: "" });
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<unknown>(null);
  const put = (name: keyof typeof form) => (value: string) => setForm({ ...form, [name]: value });
  const make = async () => {
    const expires_at = form.expires ? new Date(`${form.expires}T00:00:00`).toISOString() : null;
    const { key } = await send({ name: form.name, expires_at, scopes: [...scopes], allowed_addresses: linesOf(form.addresses) });
    onMade(key);
  };
  const actions = (
    <>
      <button type="button" onClick={onClose}>{say("action.cancel")}</button>
      <button type="submit" className="primary" disabled={!scopes.size}>{say("key.make")}</button>
    </>
  );
  return (
    <Dialog title={say("key.make")} onClose={onClose} onSubmit={() => make().catch(setError)} actions={actions}>
      <Input label={say("key.name")} value={form.name} onChange={put("name")} required />
      <Input label={say("key.expires")} help={say("key.expires-help")} type="date" value={form.expires} onChange={put("expires")} />
      <Labelled label={say("key.addresses")} help={say("key.addresses-help")}>
        {(ids) => <textarea {...ids} rows={2} value={form.addresses} onChange={({ target }) => put("addresses")(target.value)} />}
      </Labelled>
      <Scopes offered={offered} chosen={scopes} onChange={setScopes} />
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

type ScopesProps = { offered: readonly string[]; chosen: ReadonlySet<string>; onChange: (chosen: ReadonlySet<string>) => void };

function Scopes({ offered, chosen, onChange }: ScopesProps) {
  return (
    <fieldset className="options scopes">
      <legend>{say("key.scopes")}</legend>
      {offered.map((scope) => (
        <label key={scope}><input type="checkbox" checked={chosen.has(scope)} onChange={() => onChange(toggle(chosen, scope))} /><code>{scope}</code></label>
      ))}
    </fieldset>
  );
}

/** The only time that a key is shown. */
export function MadeKey({ secret, onClose }: { secret: string; onClose: () => void }) {
  const copy = () => void navigator.clipboard.writeText(secret).then(() => toast(say("key.copied")));
  return (
    <Dialog title={say("key.created")} onClose={onClose} actions={<button type="button" className="primary" onClick={onClose}>{say("action.close")}</button>}>
      <p>{say("key.created-help")}</p>
      <p className="secret"><code>{secret}</code><button type="button" onClick={copy}><Icon name="copy" />{say("key.copy")}</button></p>
    </Dialog>
  );
}
