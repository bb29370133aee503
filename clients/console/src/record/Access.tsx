// Which requests? The access log, one row a request; a row opens it.
import { useAddress, useGo, valueOf } from "../parts/address.ts";
import { Chip, type Tone } from "../parts/Chip.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { formatNumber } from "../words/format.ts";
import { say, type Sentence } from "../words/say.ts";
import { Seq } from "./ChangeEntry.tsx";
import { LogFrame } from "./LogFrame.tsx";
import type { Access as Entry } from "./log.ts";
import { Actor } from "./Actor.tsx";
import { toAccess } from "./places.ts";

const toneOf = (status: number): Tone => (status >= 500 ? "bad" : status >= 400 ? "warn" : "good");

export const Status = ({ of: { status, error_code: code } }: { of: Entry }) => (
  <><Chip tone={toneOf(status)}>{status}</Chip>{code && <> <To place={toAccess({ error_code: code })}>{code}</To></>}</>
);

export const Call = ({ of: { method, path } }: { of: Entry }) => <code className="call"><b>{method}</b> {path}</code>;

export default function Access() {
  const go = useGo();
  return (
    <LogFrame log="access" title={say("record.access")} tools={<Switches />}>
      {({ items }) => (
        <div className="dense">
          <Table label={say("record.access")} columns={columns()} rows={items} id={({ id }) => String(id)}
            onOpen={({ call_id: id }) => id && go(`/audit/calls/${id}`)} />
        </div>
      )}
    </LogFrame>
  );
}

type Option = readonly [value: string, sentence: Sentence];

const OUTCOMES: readonly Option[] = [["", "record.outcome.all"], ["400", "record.outcome.not-done"], ["500", "record.outcome.failed"]];
const DECISIONS: readonly Option[] = [["", "record.outcome.all"], ["false", "record.decision.admitted"], ["true", "record.decision.refused"]];

/** All values of a filter, or one; `instead`: the filters that it replaces. */
function Switch({ label, name, options, instead = [] }: { label: string; name: string; options: readonly Option[]; instead?: string[] }) {
  const [search, change] = useAddress();
  const cleared = Object.fromEntries([...instead, "cursor"].map((other) => [other, undefined]));
  return (
    <div className="switch" role="group" aria-label={label}>
      {options.map(([value, sentence]) => (
        <button key={value} type="button" aria-pressed={valueOf(search, name) === value} onClick={() => change({ ...cleared, [name]: value || undefined })}>
          {say(sentence)}
        </button>
      ))}
    </div>
  );
}

/** How requests ended, and whether a rule admitted them. */
const Switches = () => (
  <>
    <Switch label={say("record.outcome")} name="status_gte" options={OUTCOMES} instead={["status"]} />
    <Switch label={say("record.decision.of")} name="decision_null" options={DECISIONS} instead={["decision"]} />
  </>
);

const columns = (): Column<Entry>[] => [
  { name: "at", label: say("record.at"), cell: ({ at }) => <Instant at={at} /> },
  { name: "actor", label: say("record.person"), cell: (entry) => <Actor by={entry} /> },
  { name: "call", label: say("record.request"), cell: (entry) => <Call of={entry} /> },
  { name: "status", label: say("record.outcome"), cell: (entry) => <Status of={entry} /> },
  { name: "decision", label: say("record.decision"), cell: ({ decision }) => decision && <To place={toAccess({ decision })}>{decision}</To> },
  { name: "ip", label: say("record.address"), cell: ({ ip }) => ip && <To place={toAccess({ ip })}>{ip}</To> },
  { name: "duration", label: say("record.duration"), numeric: true, cell: ({ duration_ms: ms }) => formatNumber(Math.round(ms)) },
  { name: "seq", label: say("record.seq"), numeric: true, cell: ({ seq }) => <Seq log="access" seq={seq} /> },
];
