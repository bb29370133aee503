// The keys that this browser trusts for a log: those of the first visit, or those that came over another channel.
import { useState } from "react";
import { Dialog } from "../parts/Dialog.tsx";
import { Labelled } from "../parts/Input.tsx";
import { say } from "../words/say.ts";
import { forgetLog, recallKeys, recallWitnesses, rememberKeys, rememberWitnesses } from "./proofs/memory.ts";
import { OF_LOG, OF_WITNESS, parseKeys, writeKey } from "./proofs/note.ts";
import type { LogName } from "./log.ts";

type TrustedKeysProps = { log: LogName; onChange: () => void };

export function TrustedKeys({ log, onChange }: TrustedKeysProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>{say("record.keys-trusted")}</button>
      {open && <KeysDialog log={log} onChange={onChange} onClose={() => setOpen(false)} />}
    </>
  );
}

function KeysDialog({ log, onChange, onClose }: TrustedKeysProps & { onClose: () => void }) {
  const [text, setText] = useState([recallKeys(log), recallWitnesses(log)].filter(Boolean).join("\n"));
  const [isWrong, setWrong] = useState(false);
  const done = () => (onChange(), onClose());
  const trust = async () => {
    const keys = await parseKeys(text).catch(() => []);
    const textOf = (wanted: number) => keys.filter(({ kind }) => kind === wanted).map(writeKey).join("\n");
    if (!textOf(OF_LOG)) return setWrong(true);
    rememberKeys(log, textOf(OF_LOG));
    rememberWitnesses(log, textOf(OF_WITNESS));
    done();
  };
  const forget = () => (forgetLog(log), done());
  const actions = (
    <>
      <button type="button" onClick={forget}>{say("record.forget")}</button>
      <button type="submit" className="primary">{say("record.trust")}</button>
    </>
  );
  return (
    <Dialog title={say("record.keys-trusted")} onClose={onClose} onSubmit={() => void trust()} actions={actions} wide>
      <p>{say("record.keys-help")}</p>
      <Labelled label={say("record.keys-label")} error={isWrong ? say("record.unproved.unusable-key") : ""}>
        {(ids) => <textarea {...ids} rows={4} spellCheck={false} value={text} onChange={(event) => (setText(event.target.value), setWrong(false))} />}
      </Labelled>
      <p>{say("record.forget-help")}</p>
    </Dialog>
  );
}
