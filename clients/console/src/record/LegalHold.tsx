// The legal hold of a person's data: as long as it lasts, the person cannot be erased.
import { useState } from "react";
import { call } from "../api/client.ts";
import { forget, useMay, type Schemas } from "../api/queries.ts";
import { Confirm } from "../parts/Confirm.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Input } from "../parts/Input.tsx";
import { Problem } from "../parts/states.tsx";
import { Day } from "../parts/Time.tsx";
import { say } from "../words/say.ts";

type Hold = Schemas["HoldRead"];
type LegalHoldProps = { path: string; hold: Hold | null };

export function LegalHold({ path, hold }: LegalHoldProps) {
  const [open, setOpen] = useState<"set" | "lift" | null>(null);
  const may = useMay();
  const close = () => setOpen(null);
  const lift = (headers: Record<string, string>) => call("delete", `${path}/legal-hold`, { headers }).then(() => forget(path));
  return (
    <section className="panel" aria-label={say("record.hold")}>
      <h2>{say("record.hold")}</h2>
      {hold ? <Reason hold={hold} /> : <p>{say("record.no-hold")}</p>}
      {may("audit:update") && (
        <p className="buttons">
          <button type="button" onClick={() => setOpen("set")}>{say(hold ? "record.hold-change" : "record.hold-set")}</button>
          {hold && <button type="button" onClick={() => setOpen("lift")}>{say("record.hold-lift")}</button>}
        </p>
      )}
      {open === "set" && <HoldDialog path={path} hold={hold} onClose={close} />}
      {open === "lift" && <Confirm title={say("record.hold-lift")} action={say("record.hold-lift")} withReason onClose={close} onConfirm={lift} />}
    </section>
  );
}

const Reason = ({ hold: { reason, until, holds } }: { hold: Hold }) => (
  <p><strong>{reason}</strong> {until ? <>{say(holds ? "record.hold-until" : "record.hold-over")} <Day on={until} /></> : say("record.hold-open")}</p>
);

function HoldDialog({ path, hold, onClose }: LegalHoldProps & { onClose: () => void }) {
  const [reason, setReason] = useState(hold?.reason ?? "");
  const [until, setUntil] = useState(hold?.until?.slice(0, 10) ?? "");
  const [error, setError] = useState<unknown>(null);
  const save = async () => {
    await call("put", `${path}/legal-hold`, { body: { reason, until: until ? new Date(`${until}T00:00:00`).toISOString() : null } });
    await forget(path);
    onClose();
  };
  const actions = (
    <>
      <button type="button" onClick={onClose}>{say("action.cancel")}</button>
      <button type="submit" className="primary">{say("action.save")}</button>
    </>
  );
  return (
    <Dialog title={say("record.hold")} onClose={onClose} onSubmit={() => void save().catch(setError)} actions={actions}>
      <p>{say("record.hold-help")}</p>
      <Input label={say("reason.label")} value={reason} onChange={setReason} required maxLength={500} />
      <Input label={say("record.until")} help={say("record.until-help")} type="date" value={until} onChange={setUntil} />
      {error !== null && <Problem error={error} />}
    </Dialog>
  );
}
