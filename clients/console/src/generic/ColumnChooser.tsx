// Which columns a list shows; the choice is in the address.
import { useState } from "react";
import type { Resource } from "../document/read.ts";
import { useAddress } from "../parts/address.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toggle } from "../parts/toggle.ts";
import { say } from "../words/say.ts";
import { shownColumns } from "./list.ts";

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
  const [search, change] = useAddress();
  const shown = new Set(shownColumns(resource, search).map(({ name }) => name));
  const choose = (name: string) => {
    const next = toggle(shown, name);
    if (next.size) change({ shown: [...next].join(",") });
  };
  return (
    <Dialog title={say("list.columns")} onClose={onClose} actions={<button type="button" onClick={() => change({ shown: undefined })}>{say("action.clear")}</button>}>
      <div className="options">
        {resource.columns.map(({ name, label }) => (
          <label key={name}><input type="checkbox" checked={shown.has(name)} onChange={() => choose(name)} />{label}</label>
        ))}
      </div>
    </Dialog>
  );
}
