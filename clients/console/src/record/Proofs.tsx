// Can I believe it? This browser verifies the logs by itself, and says what it checked and what it cannot check.
import { useRead, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Answered, Empty } from "../parts/states.tsx";
import { Heading } from "../parts/Toolbar.tsx";
import { say } from "../words/say.ts";
import { EntryProof } from "./EntryProof.tsx";
import { LogProof } from "./LogProof.tsx";
import type { LogName } from "./log.ts";

const LOGS: readonly LogName[] = ["changes", "access"];

export default function Proofs() {
  const [search] = useAddress();
  const status = useRead<Schemas["AuditStatus"]>("/api/v1/audit/status");
  const seq = Number(valueOf(search, "seq"));
  const log = LOGS.find((one) => one === valueOf(search, "log")) ?? "changes";
  const canVerify = globalThis.crypto?.subtle !== undefined;
  return (
    <>
      <Heading title={say("record.proofs")} note={say("record.proofs.help")} />
      {!canVerify && <Empty>{say("record.proofs.no-crypto")}</Empty>}
      {canVerify && Number.isSafeInteger(seq) && seq > 0 && <EntryProof key={`${log} ${seq}`} log={log} seq={seq} />}
      {canVerify && (
        <Answered to={status}>
          {({ logs }) => <div className="proofs">{LOGS.map((one) => <LogProof key={one} log={one} status={logs.find((each) => each.log === one)} />)}</div>}
        </Answered>
      )}
      <section className="panel">
        <h2>{say("record.unchecked")}</h2>
        <ul className="points">
          <li>{say("record.unchecked.key")}</li>
          <li>{say("record.unchecked.view")}</li>
          <li>{say("record.unchecked.truth")}</li>
          <li>{say("record.unchecked.unsealed")}</li>
          <li>{say("record.unchecked.whole")}</li>
        </ul>
      </section>
    </>
  );
}
