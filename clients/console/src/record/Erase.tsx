// Erases a person for good; where the rules ask for a second person, the erasure waits for them.
import { useState } from "react";
import { call } from "../api/client.ts";
import { forget, useMay, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { To } from "../parts/To.tsx";
import { toast } from "../parts/toast.tsx";
import { say } from "../words/say.ts";

type Result = Schemas["ErasureRead"] | Schemas["ApprovalRead"];

export function Erase({ path, isHeld }: { path: string; isHeld: boolean }) {
  const [asking, setAsking] = useState(false);
  const [waits, setWaits] = useState<Schemas["ApprovalRead"] | null>(null);
  const may = useMay();
  if (!may("audit:delete")) return null;
  const erase = async (headers: Record<string, string>) => {
    const result = await call<Result>("post", `${path}/erase`, { headers });
    if ("state" in result) return setWaits(result);
    toast(say("record.erased"));
    await forget(path.split("/").slice(0, -1).join("/"));
  };
  return (
    <section className="panel" aria-label={say("record.erase")}>
      <h2>{say("record.erase")}</h2>
      <p>{say(isHeld ? "record.erase-held" : "record.erase-help")}</p>
      {waits && <p role="status">{say("record.erase-waits")} <To place={{ to: `/approvals/${waits.id}` }}>{say("record.approval")}</To></p>}
      {!isHeld && !waits && <p className="buttons"><button type="button" className="danger" onClick={() => setAsking(true)}>{say("record.erase")}</button></p>}
      {asking && (
        <Confirm title={say("record.erase-sure")} action={say("record.erase")} danger withReason="required" onClose={() => setAsking(false)} onConfirm={erase}>
          <p>{say("record.erase-reason")}</p>
        </Confirm>
      )}
    </section>
  );
}
