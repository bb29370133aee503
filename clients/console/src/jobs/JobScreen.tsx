// One job: how far it is, followed as long as it is not done, what came of it, and the ways to end it or try it again.
import { useParams } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { follow } from "../api/follow.ts";
import { noteRead, useMay, useRead } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { BackLink } from "../parts/BackLink.tsx";
import { Answered } from "../parts/states.tsx";
import { Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { formatNumber } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";
import { Asker } from "./Asker.tsx";
import { ExportedFile } from "./ExportedFile.tsx";
import { JobActions } from "./JobActions.tsx";
import { JobState, type Job } from "./states.tsx";

export default function JobScreen() {
  const { id } = useParams({ strict: false }) as { id: string };
  const path = `/api/v1/jobs/${encodeURIComponent(id)}`;
  const job = useRead<Job>(path);
  return (
    <>
      <BackLink to="/jobs">{say("jobs.title")}</BackLink>
      <Answered to={job}>{(found) => <OneJob job={found} path={path} />}</Answered>
    </>
  );
}

/** Keeps what is on the screen as it is on the server, until the job has ended. Answers whether it does. */
function useFollowing(path: string, { ended_at: endedAt }: Job): boolean {
  const [isLive, setIsLive] = useState(true);
  const isOver = endedAt !== null;
  useEffect(() => {
    if (isOver) return undefined;
    return follow<Job>(`${path}/events`, { onItem: (item) => noteRead(path, item), onConnection: setIsLive });
  }, [path, isOver]);
  return isOver || isLive;
}

function OneJob({ job, path }: { job: Job; path: string }) {
  const isLive = useFollowing(path, job);
  return (
    <>
      <Heading title={job.kind} note={<span role="status"><JobState of={job.state} /></span>}><JobActions job={job} /></Heading>
      {!isLive && <p className="notice" role="alert">{say("jobs.not-live")}</p>}
      <section className="panel">
        {job.state === "running" && <Progress of={job} />}
        <dl className="facts-list">
          {factsOf(job).filter(([, value]) => Boolean(value)).map(([name, value]) => <div key={name}><dt>{say(name)}</dt><dd>{value}</dd></div>)}
        </dl>
        {job.result && <Result of={job.result} />}
        <ExportedFile job={job} />
      </section>
    </>
  );
}

function Progress({ of: { progress } }: { of: Job }) {
  const text = say("jobs.progress", { percent: formatNumber(progress ?? 0) });
  return <div className="working"><progress aria-label={text} max={100} value={progress ?? 0} /><span>{text}</span></div>;
}

const factsOf = (job: Job): [Sentence, ReactNode][] => [
  ["jobs.error", job.error && <code>{job.error}</code>],
  ["jobs.asked-by", <Asker of={job} />],
  ["jobs.asked-at", <Moment at={job.created_at} />],
  ["jobs.run-at", <Moment at={job.run_at} />],
  ["jobs.attempts", formatNumber(job.attempt ?? job.attempts)],
  ["jobs.ended-at", job.ended_at && <Moment at={job.ended_at} />],
  ["jobs.request", <Request of={job} />],
];

/** The request that asked, for readers of the audit log with all that it did. */
function Request({ of: { call_id: call, request_id: name } }: { of: Job }) {
  const may = useMay();
  return may("audit:read") ? <To place={{ to: `/audit/calls/${call}` }}><code>{name}</code></To> : <code>{name}</code>;
}

const inWords = (value: unknown) => (typeof value === "number" ? formatNumber(value) : typeof value === "string" ? value : JSON.stringify(value));

function Result({ of }: { of: Record<string, unknown> }) {
  return (
    <>
      <h2>{say("jobs.result")}</h2>
      <dl className="facts-list">
        {Object.entries(of).map(([name, value]) => <div key={name}><dt>{humanize(name)}</dt><dd>{inWords(value)}</dd></div>)}
      </dl>
    </>
  );
}
