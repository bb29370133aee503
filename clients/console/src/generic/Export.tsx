// The list as a file, with its filters and order: at once through an address that works once, or by a job where it is long.
import { useState } from "react";
import { api, call, data, type Query } from "../api/client.ts";
import { Refused } from "../api/problems.ts";
import type { Page, Schemas } from "../api/queries.ts";
import type { Resource } from "../document/read.ts";
import { stringifySearch, useAddress, useGo } from "../parts/address.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Problem } from "../parts/states.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";
import { useCan } from "./allowed.ts";
import { filterQuery } from "./list.ts";

const asText = (query: Record<string, unknown>) => stringifySearch(query).slice(1).replaceAll("+", "%20");

/** Has the browser fetch a list as a file. It streams to the disk, however long it is. */
export async function download(path: string, query: Record<string, unknown> = {}): Promise<void> {
  const { url } = await data(api.POST("/api/v1/downloads", { body: { path, query: asText(query) } }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

/** Whether a list has more rows than the API counts: its file takes longer than a request should. */
async function isLong(path: string, query: Query): Promise<boolean> {
  const { total_is_exact: isCounted } = await call<Page<unknown>>("get", path, { query: { ...query, limit: 1, total: true } });
  return isCounted === false;
}

/** Lets a job write a list to a file. Answers null for a list that only a request can write. */
async function askForJob(path: string, query: Query): Promise<Schemas["Accepted"] | null> {
  try {
    return await data(api.POST("/api/v1/transfers", { body: { path, query: asText(query) } }));
  } catch (error) {
    if (error instanceof Refused && error.errors.some(({ code }) => code === "not-a-list")) return null;
    throw error;
  }
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
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = useGo();
  const run = async () => {
    const query = filterQuery(search);
    const job = (await isLong(resource.path, query)) ? await askForJob(resource.path, { ...query, format }) : null;
    if (!job) return download(resource.path, { ...query, format }).then(onClose);
    toast(say("list.export-later"));
    go(`/jobs/${job.id}`);
  };
  const submit = () => {
    setBusy(true);
    run().catch(setError).finally(() => setBusy(false));
  };
  const option = (value: string, label: string) => (
    <label><input type="radio" name="format" checked={format === value} onChange={() => setFormat(value)} />{label}</label>
  );
  return (
    <Dialog title={say("list.export")} onClose={onClose} onSubmit={submit} actions={<button type="submit" className="primary" disabled={busy}>{say("list.export")}</button>}>
      <div className="options">{option("csv", say("list.export-csv"))}{option("ndjson", say("list.export-ndjson"))}</div>
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
