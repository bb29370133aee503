// The file that an export has written, for the person who asked: it is fetched once.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { me, useRead, type Schemas } from "../api/queries.ts";
import { download } from "../generic/Export.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Problem } from "../parts/states.tsx";
import { formatMoment } from "../words/format.ts";
import { say } from "../words/say.ts";
import type { Job } from "./states.tsx";

export function ExportedFile({ job }: { job: Job }) {
  const { data: caller } = useQuery(me);
  const isMine = job.kind === "transfers.export" && job.state === "succeeded" && job.created_by?.id === caller?.id;
  const path = `/api/v1/transfers/${job.id}`;
  const { data: file } = useRead<Schemas["TransferRead"]>(isMine ? path : null);
  const [asked, setAsked] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (!file?.is_ready) return null;
  const fetchFile = () => void download(`${path}/file`).then(() => setAsked(true), setError);
  return (
    <>
      <p role="status">{asked ? say("jobs.file-asked") : say("jobs.file-ready", { name: file.name, end: formatMoment(file.expires_at) })}</p>
      {error !== null && <Problem error={error} />}
      {!asked && <button type="button" className="primary" onClick={fetchFile}><Icon name="download" />{say("jobs.fetch")}</button>}
    </>
  );
}
