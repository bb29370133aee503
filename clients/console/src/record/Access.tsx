// Which requests? The access log, one row a request; a row opens it.
import { useAddress, useGo, valueOf } from "../parts/address.ts";
import { Chip, type Tone } from "../parts/Chip.tsx";
import { Table, type Column } from "../parts/Table.tsx";
import { Instant } from "../parts/Time.tsx";
import { To } from "../parts/To.tsx";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
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
    <LogFrame log="access" title={say("record.access")} tools={<Outcome />}>
      {({ items }) => (
        <div className="dense">
          <Table label={say("record.access")} columns={columns()} rows={items} id={({ id }) => String(id)}
            onOpen={({ call_id: id }) => id && go(`/audit/calls/${id}`)} />
        </div>
      )}
    </LogFrame>
  );
}

const OUTCOMES = [["", "record.outcome.all"], ["400", "record.outcome.not-done"], ["500", "record.outcome.failed"]] as const;

/** All, what was refused or failed, or what failed. */
function Outcome() {
  const [search, change] = useAddress();
  const now = valueOf(search, "status_gte");
  return (
    <div className="switch" role="group" aria-label={say("record.outcome")}>
      {OUTCOMES.map(([status, sentence]) => (
        <button key={status} type="button" aria-pressed={now === status} onClick={() => change({ status_gte: status || undefined, status: undefined, cursor: undefined })}>
          {say(sentence)}
        </button>
      ))}
    </div>
  );
}

const columns = (): Column<Entry>[] => [
  { name: "at", label: say("record.at"), cell: ({ at }) => <Instant at={at} /> },
  { name: "actor", label: say("record.person"), cell: (entry) => <Actor by={entry} /> },
  { name: "call", label: say("record.request"), cell: (entry) => <Call of={entry} /> },
  { name: "status", label: say("record.outcome"), cell: (entry) => <Status of={entry} /> },
  { name: "decision", label: say("record.decision"), cell: ({ decision }) => decision },
  { name: "ip", label: say("record.address"), cell: ({ ip }) => ip && <To place={toAccess({ ip })}>{ip}</To> },
  { name: "duration", label: say("record.duration"), numeric: true, cell: ({ duration_ms: ms }) => formatNumber(Math.round(ms)) },
  { name: "seq", label: say("record.seq"), numeric: true, cell: ({ seq }) => <Seq log="access" seq={seq} /> },
];
