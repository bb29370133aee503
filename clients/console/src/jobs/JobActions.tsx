// What may be done with a job: end it before its time, or try it again. One's own, or with `jobs:update` any.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, data } from "../api/client.ts";
import { forget, me, useMay } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Icon } from "../parts/Icon.tsx";
import { toast } from "../parts/toast.tsx";
import { say, type Sentence } from "../words/say.ts";
import type { Job } from "./states.tsx";

type Headers = Record<string, string>;

export function JobActions({ job }: { job: Job }) {
  const [open, setOpen] = useState<"cancel" | "retry" | null>(null);
  const may = useMay();
  const { data: caller } = useQuery(me);
  const { ended_at: endedAt, state, created_by: by } = job;
  const mayChange = may("jobs:update") || (caller !== undefined && by?.id === caller.id);
  const close = () => setOpen(null);
  return (
    <>
      {mayChange && endedAt === null && <button type="button" onClick={() => setOpen("cancel")}><Icon name="x" />{say("jobs.cancel")}</button>}
      {mayChange && state === "failed" && <button type="button" onClick={() => setOpen("retry")}><Icon name="refresh-cw" />{say("jobs.retry")}</button>}
      {open === "cancel" && <Cancel job={job} onClose={close} />}
      {open === "retry" && <Retry job={job} onClose={close} />}
    </>
  );
}

type ActProps = { job: Job; onClose: () => void };

async function finish(sentence: Sentence): Promise<void> {
  toast(say(sentence));
  await forget("/api/v1/jobs");
}

function Cancel({ job: { id, kind, state }, onClose }: ActProps) {
  const cancel = async (headers: Headers) => {
    const { ended_at: endedAt } = await data(api.POST("/api/v1/jobs/{id}/cancel", { params: { path: { id } }, headers }));
    await finish(endedAt ? "jobs.is-cancelled" : "jobs.is-told");
  };
  return (
    <Confirm title={say("jobs.cancel-one", { kind })} action={say("jobs.cancel")} danger withReason onClose={onClose} onConfirm={cancel}>
      <p>{say(state === "running" ? "jobs.cancel-running" : "jobs.cancel-waiting")}</p>
    </Confirm>
  );
}

function Retry({ job: { id, kind }, onClose }: ActProps) {
  const retry = async (headers: Headers) => {
    await data(api.POST("/api/v1/jobs/{id}/retry", { params: { path: { id } }, headers }));
    await finish("jobs.is-queued");
  };
  return (
    <Confirm title={say("jobs.retry-one", { kind })} action={say("jobs.retry")} withReason onClose={onClose} onConfirm={retry}>
      <p>{say("jobs.retry-help")}</p>
    </Confirm>
  );
}
