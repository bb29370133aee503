// What the screen shows, as a file: for a spreadsheet, for a program, or as evidence that proves itself.
import { useState } from "react";
import { filterQuery } from "../generic/list.ts";
import { download } from "../generic/Export.tsx";
import { useAddress } from "../parts/address.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import type { LogName } from "./log.ts";

const KINDS = ["csv", "ndjson", "evidence"] as const;
type Kind = (typeof KINDS)[number];

export function Files({ log }: { log: LogName }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}><Icon name="download" />{say("list.export")}</button>
      {open && <FilesDialog log={log} onClose={() => setOpen(false)} />}
    </>
  );
}

function FilesDialog({ log, onClose }: { log: LogName; onClose: () => void }) {
  const [search] = useAddress();
  const [kind, setKind] = useState<Kind>("csv");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const filters = filterQuery({ ...search, sort: undefined });
  const submit = () => {
    setBusy(true);
    const asked = kind === "evidence" ? download(`/api/v1/audit/evidence/${log}`, filters) : download(`/api/v1/audit/${log}`, { ...filters, format: kind });
    asked.then(onClose, (failure: unknown) => (setError(failure), setBusy(false)));
  };
  const actions = <button type="submit" className="primary" disabled={busy}>{say("record.file.get")}</button>;
  return (
    <Dialog title={say("list.export")} onClose={onClose} onSubmit={submit} actions={actions}>
      <p>{say("record.file.help")}</p>
      <div className="options">
        {KINDS.map((one) => (
          <label key={one}><input type="radio" name="kind" checked={kind === one} onChange={() => setKind(one)} />{say(`record.file.${one}`)}</label>
        ))}
      </div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
