// Which columns a list shows; the choice is in the address, and kept by this browser.
import { useState } from "react";
import type { Resource } from "../document/read.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toggle } from "../parts/toggle.ts";
import { say } from "../words/say.ts";
import { useColumns } from "./columns.ts";

export function ColumnChooser({ resource }: { resource: Resource }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}><Icon name="columns-3" />{say("list.columns")}</button>
      {open && <ColumnDialog resource={resource} onClose={() => setOpen(false)} />}
    </>
  );
}

function ColumnDialog({ resource, onClose }: { resource: Resource; onClose: () => void }) {
  const [columns, choose] = useColumns(resource);
  const shown = new Set(columns.map(({ name }) => name));
  return (
    <Dialog title={say("list.columns")} onClose={onClose} actions={<button type="button" onClick={() => choose([])}>{say("action.clear")}</button>}>
      <div className="options">
        {resource.columns.map(({ name, label }) => (
          <label key={name}><input type="checkbox" checked={shown.has(name)} disabled={shown.size === 1 && shown.has(name)} onChange={() => choose([...toggle(shown, name)])} />{label}</label>
        ))}
      </div>
    </Dialog>
  );
}
