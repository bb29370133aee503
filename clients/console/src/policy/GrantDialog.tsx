// The own actions of a module that a role grants, and the rows for which.
import { useState } from "react";
import { Dialog } from "../parts/Dialog.tsx";
import { toggle } from "../parts/toggle.ts";
import { say } from "../words/say.ts";
import type { Grant } from "./matrix.ts";
import type { Module } from "./modules.ts";
import { ALL_ROWS } from "./permissions.ts";

type GrantDialogProps = { title: string; grant: Grant; module: Module; onClose: () => void; onChange: (grant: Grant) => void };

export function GrantDialog({ title, grant, module, onClose, onChange }: GrantDialogProps) {
  const [actions, setActions] = useState<ReadonlySet<string>>(new Set(grant.actions));
  const [scope, setScope] = useState(grant.scope);
  const done = () => {
    onChange({ ...grant, actions: [...actions], scope });
    onClose();
  };
  const offered = module.actions.filter(({ name, is_active }) => is_active || grant.actions.includes(name));
  const scopes = [{ name: ALL_ROWS, title: say("permission.all-rows") }, ...module.scopes.filter(({ name, is_active }) => is_active || name === grant.scope)];
  return (
    <Dialog title={title} onClose={onClose} onSubmit={done} actions={<button type="submit" className="primary">{say("matrix.take-over")}</button>}>
      {offered.length > 0 && (
        <fieldset className="options">
          <legend>{say("matrix.own-actions")}</legend>
          {offered.map(({ name, title: text }) => (
            <label key={name}><input type="checkbox" checked={actions.has(name)} onChange={() => setActions(toggle(actions, name))} />{text}</label>
          ))}
        </fieldset>
      )}
      {scopes.length > 1 && (
        <fieldset className="options">
          <legend>{say("matrix.scope")}</legend>
          {scopes.map(({ name, title: text }) => (
            <label key={name}><input type="radio" name="scope" checked={scope === name} onChange={() => setScope(name)} />{text}</label>
          ))}
        </fieldset>
      )}
    </Dialog>
  );
}
