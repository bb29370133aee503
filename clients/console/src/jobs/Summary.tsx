// Is the work done? What waits and for how long, what runs, and how the jobs of the last 24 hours ended.
import type { ReactNode } from "react";
import { useRead, type Schemas } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered, Empty } from "../parts/states.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { formatNumber } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";
import type { State } from "./states.tsx";

type Summed = Schemas["JobSummary"];
type Kind = Summed["kinds"][number];
type Queue = Summed["queues"][number];

const STATES: readonly State[] = ["queued", "running", "succeeded", "failed", "cancelled"];

export default function Summary() {
  const summary = useRead<Summed>("/api/v1/jobs/summary");
  return (
    <>
      <Heading title={say("jobs.summary")}>
        <button type="button" onClick={() => void summary.refetch()}><Icon name="refresh-cw" />{say("jobs.count-again")}</button>
      </Heading>
      <Answered to={summary}>{(found) => <Counted summary={found} />}</Answered>
    </>
  );
}

function Counted({ summary }: { summary: Summed }) {
  const { at, lag_seconds: lag, queues, kinds } = summary;
  const facts: [Sentence, ReactNode][] = [
    ...STATES.map((state): [Sentence, ReactNode] => [`jobs.count.${state}`, <Count of={summary[state]} state={state} />]),
    ["jobs.lag", lagOf(lag)],
    ["jobs.counted-at", <Instant at={at} />],
  ];
  return (
    <>
      <dl className="facts-list panel">{facts.map(([name, value]) => <div key={name}><dt>{say(name)}</dt><dd>{value}</dd></div>)}</dl>
      <h2>{say("jobs.queues")}</h2>
      {queues.length ? <Table label={say("jobs.queues")} columns={queueColumns()} rows={queues} id={({ queue }) => queue} /> : <Empty>{say("jobs.none-waits")}</Empty>}
      <h2>{say("jobs.kinds")}</h2>
      {kinds.length ? <Table label={say("jobs.kinds")} columns={kindColumns()} rows={kinds} id={({ kind }) => kind} /> : <Empty>{say("jobs.none")}</Empty>}
    </>
  );
}

const lagOf = (seconds: number | null) => (seconds === null ? say("jobs.none-due") : say("jobs.seconds", { seconds: formatNumber(seconds) }));

/** A count, with the jobs behind it. */
function Count({ of, state, kind }: { of: number; state: State; kind?: string }) {
  return of ? <To place={{ to: "/jobs", search: { state, kind } }}>{formatNumber(of)}</To> : <>{formatNumber(of)}</>;
}

const queueColumns = (): Column<Queue>[] => [
  { name: "queue", label: say("jobs.queue"), cell: ({ queue }) => <strong>{queue}</strong> },
  { name: "due", label: say("jobs.due"), numeric: true, cell: ({ due }) => formatNumber(due) },
  { name: "later", label: say("jobs.later"), numeric: true, cell: ({ later }) => formatNumber(later) },
  { name: "running", label: say("jobs.state.running"), numeric: true, cell: ({ running }) => formatNumber(running) },
  { name: "lag", label: say("jobs.lag"), cell: ({ lag_seconds: lag }) => lagOf(lag) },
];

const kindColumns = (): Column<Kind>[] => [
  { name: "kind", label: say("jobs.kind"), cell: ({ kind }) => <To place={{ to: "/jobs", search: { kind } }}>{kind}</To> },
  ...STATES.map((state): Column<Kind> => ({
    name: state, label: say(`jobs.count.${state}`), numeric: true, cell: (counts) => <Count of={counts[state]} state={state} kind={counts.kind} />,
  })),
];
