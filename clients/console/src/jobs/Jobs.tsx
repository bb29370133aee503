// What is to be done, and what came of it? All jobs for their readers; for others, those that they asked for.
import { useMay } from "../api/queries.ts";
import { ListFrame } from "../generic/ListFrame.tsx";
import type { Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { say } from "../words/say.ts";
import { Asker } from "./Asker.tsx";
import { JobState, type Job } from "./states.tsx";

export default function Jobs() {
  const may = useMay();
  return <ListFrame<Job> slug="jobs" title={say(may("jobs:read") ? "jobs.title" : "jobs.own")} columns={columns()} known={namesOf} />;
}

const namesOf = (jobs: Job[]): Record<string, string> =>
  Object.fromEntries(jobs.flatMap(({ created_by: by }) => (by ? [[by.id, by.name]] : [])));

const columns = (): Column<Job>[] => [
  { name: "kind", label: say("jobs.kind"), cell: ({ id, kind }) => <To place={{ to: `/jobs/${id}` }}>{kind}</To> },
  { name: "state", label: say("jobs.state"), cell: ({ state }) => <JobState of={state} /> },
  { name: "error", label: say("jobs.error"), cell: ({ error }) => error && <code>{error}</code> },
  { name: "created_by", label: say("jobs.asked-by"), cell: (job) => <Asker of={job} /> },
  { name: "created_at", label: say("jobs.asked-at"), sortable: true, cell: ({ created_at: at }) => <Moment at={at} /> },
  { name: "run_at", label: say("jobs.run-at"), cell: ({ run_at: at }) => <Moment at={at} /> },
  { name: "ended_at", label: say("jobs.ended-at"), cell: ({ ended_at: at }) => at && <Moment at={at} /> },
];
