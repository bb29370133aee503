// Who asked for a job: a person, for readers of users as a link, or a schedule.
import { useMay } from "../api/queries.ts";
import { To } from "../parts/To.tsx";
import { say } from "../words/say.ts";
import type { Job } from "./states.tsx";

export function Asker({ of: { created_by: by } }: { of: Job }) {
  const may = useMay();
  if (!by) return <>{say("jobs.system")}</>;
  return may("users:read") ? <To place={{ to: `/users/${by.id}` }}>{by.name}</To> : <>{by.name}</>;
}
