// One entry: whether a signed checkpoint covers it, and whether what the screen shows of it is what was sealed.
import { useQuery } from "@tanstack/react-query";
import { humanize } from "../document/labels.ts";
import { Answered } from "../parts/states.tsx";
import { formatList, formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Request } from "./ActorScreen.tsx";
import { ChangeEntry } from "./ChangeEntry.tsx";
import { EvidenceButton } from "./EvidenceButton.tsx";
import { checkEntry, type Proved } from "./proofs/check.ts";
import { serverOf } from "./proofs/server.ts";
import { Verdict } from "./Verdict.tsx";
import type { Access, Change, LogName } from "./log.ts";

export function EntryProof({ log, seq }: { log: LogName; seq: number }) {
  const checked = useQuery({ queryKey: ["proof", log, seq], queryFn: () => checkEntry(log, seq, serverOf(log), localStorage), retry: false, gcTime: 0 });
  const title = say("record.entry-proof", { seq: formatNumber(seq), log: say(`record.${log}`) });
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      <Answered to={checked}>
        {(step) => (
          <>
            <ul className="verdicts"><Verdict of={step}>{(found) => <Said {...found} />}</Verdict></ul>
            {step.holds && step.found.shown && <Shown log={log} entry={step.found.shown as Access | Change} />}
          </>
        )}
      </Answered>
    </section>
  );
}

/** Fields in words, each once: `actor` for its kind and id. */
const inWords = (names: string[]) => formatList([...new Set(names.map((name) => humanize(name.replace(/_kind$/, "")).toLowerCase()))]);

function Said({ size, agree, hidden, shown }: Proved) {
  return (
    <>
      {say("record.included", { count: formatNumber(size) })}
      {shown && <><br /><small>{say("record.agrees", { fields: inWords(agree) })}</small></>}
      {hidden.length > 0 && <><br /><small>{say("record.not-compared", { fields: inWords(hidden) })}</small></>}
    </>
  );
}

function Shown({ log, entry }: { log: LogName; entry: Access | Change }) {
  const { call_id } = entry;
  return (
    <>
      {"changes" in entry ? <ChangeEntry entry={entry} /> : <Request request={entry} signIn={false} />}
      {call_id && <div className="buttons"><EvidenceButton log={log} filters={{ call_id }} label={say("record.evidence-of-call")} /></div>}
    </>
  );
}
