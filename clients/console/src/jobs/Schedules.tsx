// When are jobs asked for? The schedules of this version, each of which can be turned on and off.
import { useState } from "react";
import { ifMatch } from "../api/client.ts";
import { forget, useMay, type Schemas } from "../api/queries.ts";
import { ListFrame } from "../generic/ListFrame.tsx";
import { useChange } from "../generic/useChange.ts";
import { Chip } from "../parts/Chip.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import type { Column } from "../parts/Table.tsx";
import { Moment } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

type Schedule = Schemas["ScheduleRead"];

export default function Schedules() {
  return <ListFrame<Schedule> slug="jobs/schedules" title={say("schedules.title")} columns={columns()} />;
}

const columns = (): Column<Schedule>[] => [
  { name: "name", label: say("schedules.name"), sortable: true, cell: ({ name }) => <strong>{name}</strong> },
  { name: "rule", label: say("schedules.rule"), cell: ({ rule }) => <code>{rule}</code> },
  { name: "kind", label: say("schedules.kind"), cell: ({ kind }) => <To place={{ to: "/jobs", search: { kind } }}>{kind}</To> },
  { name: "next_at", label: say("schedules.next"), cell: ({ next_at: at }) => at && <Moment at={at} ago /> },
  { name: "last_at", label: say("schedules.last"), cell: (schedule) => <Last of={schedule} /> },
  { name: "enabled", label: say("schedules.enabled"), cell: (schedule) => <Enabled of={schedule} /> },
];

/** The last time, and the job behind it as long as there is one. */
function Last({ of: { last_at: at, last_job_id: job } }: { of: Schedule }) {
  if (!at) return <>{say("schedules.never")}</>;
  const moment = <Moment at={at} ago />;
  return job ? <To place={{ to: `/jobs/${job}` }}>{moment}</To> : moment;
}

function Enabled({ of: schedule }: { of: Schedule }) {
  const [asked, setAsked] = useState<Schedule | null>(null);
  const may = useMay();
  const { name, enabled, is_off_by_setting: isOffBySetting } = schedule;
  const state = say(enabled ? "schedules.on" : "schedules.off");
  return (
    <>
      {may("jobs:update") ? <input type="checkbox" role="switch" aria-label={say("schedules.switch", { name })} checked={enabled} onChange={() => setAsked(schedule)} /> : state}
      {isOffBySetting && <> <Chip tone="warn">{say("schedules.off-by-setting")}</Chip></>}
      {asked && <TurnOnOrOff schedule={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

/** `schedule` is as it was when the person asked: another may have changed it since. */
function TurnOnOrOff({ schedule: { name, enabled, version }, onClose }: { schedule: Schedule; onClose: () => void }) {
  const change = useChange();
  const turn = async (headers: Record<string, string>) => {
    const path = `/api/v1/jobs/schedules/${encodeURIComponent(name)}`;
    try {
      const saved = await change("patch", path, { body: { enabled: !enabled }, headers: { ...headers, ...ifMatch(version) } });
      if (saved) toast(say(enabled ? "schedules.is-off" : "schedules.is-on", { name }));
    } finally {
      await forget("/api/v1/jobs/schedules");
    }
  };
  const action = say(enabled ? "schedules.turn-off" : "schedules.turn-on");
  return (
    <Confirm title={say(enabled ? "schedules.turn-off-one" : "schedules.turn-on-one", { name })} action={action} danger={enabled} withReason onClose={onClose} onConfirm={turn}>
      <p>{say(enabled ? "schedules.turn-off-help" : "schedules.turn-on-help")}</p>
    </Confirm>
  );
}
