// A new API key, with permissions that the person holds.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, permissions, type Schemas } from "../api/queries.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Input, Labelled } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { toggle } from "../parts/toggle.ts";
import { say } from "../words/say.ts";

export const KEYS = "/api/v1/auth/api-keys";

const SWITCHES = ["read", "create", "update", "delete", "audit"] as const;

/** What the person may do in a module, as permissions: `tasks:read`. */
const heldIn = (module: Schemas["PermissionRead"]): string[] =>
  [...SWITCHES.filter((action) => module[`can_${action}`]), ...module.actions].map((action) => `${module.module_slug}:${action}`);

const linesOf = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);

export function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const [form, setForm] = useState({ name: "", expires: "", addresses: "" });
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<unknown>(null);
  const put = (name: keyof typeof form) => (value: string) => setForm({ ...form, [name]: value });
  const make = async () => {
    const expires_at = form.expires ? new Date(`${form.expires}T00:00:00`).toISOString() : null;
    const body = { name: form.name, expires_at, scopes: [...scopes], allowed_addresses: linesOf(form.addresses) };
    const { key } = await data(api.POST("/api/v1/auth/api-keys", { body }));
    void forget(KEYS);
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
      <Scopes chosen={scopes} onChange={setScopes} />
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}

function Scopes({ chosen, onChange }: { chosen: ReadonlySet<string>; onChange: (chosen: ReadonlySet<string>) => void }) {
  const { data: mine = [] } = useQuery(permissions);
  return (
    <fieldset className="options scopes">
      <legend>{say("key.scopes")}</legend>
      {mine.flatMap(heldIn).map((scope) => (
        <label key={scope}><input type="checkbox" checked={chosen.has(scope)} onChange={() => onChange(toggle(chosen, scope))} /><code>{scope}</code></label>
      ))}
    </fieldset>
  );
}
