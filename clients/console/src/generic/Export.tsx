// The list as a file, with its filters and order, through an address that works once.
import { useState } from "react";
import { api, data } from "../api/client.ts";
import type { Resource } from "../document/read.ts";
import { stringifySearch, useAddress } from "../parts/address.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Problem } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { useCan } from "./allowed.ts";
import { filterQuery } from "./list.ts";

/** Has the browser fetch a list as a file. It streams to the disk, however long it is. */
export async function download(path: string, query: Record<string, unknown>): Promise<void> {
  const text = stringifySearch(query).slice(1).replaceAll("+", "%20");
  const { url } = await data(api.POST("/api/v1/downloads", { body: { path, query: text } }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

export function Export({ resource }: { resource: Resource }) {
  const [open, setOpen] = useState(false);
  const can = useCan(resource);
  if (!resource.can.export || (resource.actions.export && !can("export"))) return null;
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}><Icon name="download" />{say("list.export")}</button>
      {open && <ExportDialog resource={resource} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({ resource, onClose }: { resource: Resource; onClose: () => void }) {
  const [search] = useAddress();
  const [format, setFormat] = useState("csv");
  const [error, setError] = useState<unknown>(null);
  const submit = () => {
    download(resource.path, { ...filterQuery(search), format }).then(onClose, setError);
  };
  const option = (value: string, label: string) => (
    <label><input type="radio" name="format" checked={format === value} onChange={() => setFormat(value)} />{label}</label>
  );
  return (
    <Dialog title={say("list.export")} onClose={onClose} onSubmit={submit} actions={<button type="submit" className="primary">{say("list.export")}</button>}>
      <div className="options">{option("csv", say("list.export-csv"))}{option("ndjson", say("list.export-ndjson"))}</div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
