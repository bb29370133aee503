// One log: how far it is sealed, and whether its newest checkpoint holds against what this browser knows.
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/queries.ts";
import { Icon } from "../parts/Icon.tsx";
import { Answered } from "../parts/states.tsx";
import { Instant } from "../parts/Time.tsx";
import { formatList, formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import { checkCosignatures, checkGrowth, checkSignature, type Cosigned, type Grown, type Signed, type Step } from "./proofs/check.ts";
import { serverOf } from "./proofs/server.ts";
import { EvidenceButton } from "./EvidenceButton.tsx";
import { TrustedKeys } from "./TrustedKeys.tsx";
import { Verdict } from "./Verdict.tsx";
import type { LogName } from "./log.ts";

type Checked = { signed: Step<Signed>; grown: Step<Grown> | null; cosigned: Step<Cosigned> | null };

async function check(log: LogName): Promise<Checked> {
  const server = serverOf(log);
  const signed = await checkSignature(log, server, localStorage);
  if (!signed.holds) return { signed, grown: null, cosigned: null };
  const grown = await checkGrowth(log, signed.found.checkpoint, server, localStorage);
  return { signed, grown, cosigned: await checkCosignatures(log, signed.found.note, server, localStorage) };
}

export function LogProof({ log, status }: { log: LogName; status: Schemas["LogStatus"] | undefined }) {
  const checked = useQuery({ queryKey: ["proof", log], queryFn: () => check(log), retry: false, gcTime: 0 });
  const name = say(`record.${log}`);
  return (
    <section className="panel" aria-label={name}>
      <header className="part-head">
        <h2>{name}</h2>
        <button type="button" disabled={checked.isFetching} onClick={() => void checked.refetch()}><Icon name="refresh-cw" />{say("record.check-again")}</button>
      </header>
      <Answered to={checked}>
        {({ signed, grown, cosigned }) => (
          <ul className="verdicts">
            <Verdict of={signed}>{(found) => <SignedBy {...found} />}</Verdict>
            {grown && <Verdict of={grown}>{({ before }) => <Growth before={before} />}</Verdict>}
            {cosigned && <Witnesses of={cosigned} />}
          </ul>
        )}
      </Answered>
      {status && <Status of={status} />}
      <div className="buttons">
        <TrustedKeys log={log} onChange={() => void checked.refetch()} />
        {checked.data?.signed.holds && <KeepCheckpoint log={log} note={checked.data.signed.found.note} />}
        <EvidenceButton log={log} filters={{}} label={say("record.evidence")} />
      </div>
    </section>
  );
}

/** Saves a verified checkpoint: kept elsewhere, it shows a later rewriting of the log. */
function KeepCheckpoint({ log, note }: { log: LogName; note: string }) {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([note], { type: "text/plain" }));
    link.download = `checkpoint-${log}.txt`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return <button type="button" onClick={save}><Icon name="download" />{say("record.keep-checkpoint")}</button>;
}

function SignedBy({ checkpoint: { size, at, signedBy }, isFirstVisit }: Signed) {
  return (
    <>
      {say("record.signed", { count: formatNumber(size), key: `${signedBy.name}+${signedBy.id}` })} {at && <Instant at={at} />}
      <br /><small>{say(isFirstVisit ? "record.key-first" : "record.key-known")}</small>
    </>
  );
}

function Growth({ before }: Grown) {
  if (!before) return <>{say("record.grown-first")}</>;
  return <>{say("record.grown", { count: formatNumber(before.size) })} <Instant at={before.at} /></>;
}

/** The cosignatures that hold. Without any, nothing is said to hold: a witness may be about to cosign. */
function Witnesses({ of }: { of: Step<Cosigned> }) {
  if (!of.holds || of.found.by.length) return <Verdict of={of}>{(found) => <CosignedBy {...found} />}</Verdict>;
  if (!of.found.silent.length) return null;
  return <li className="verdict"><Icon name="circle-alert" /><div>{say("record.not-cosigned", { names: formatList(of.found.silent) })}</div></li>;
}

function CosignedBy({ by, silent }: Cosigned) {
  return (
    <>
      {by.map(({ key, at }) => <p key={key.id}>{say("record.cosigned", { key: `${key.name}+${key.id}` })} <Instant at={at} /></p>)}
      <small>{say("record.cosigned-help")} {silent.length > 0 && say("record.not-cosigned", { names: formatList(silent) })}</small>
    </>
  );
}

/** What the server says of the log. It is not proved. */
function Status({ of }: { of: Schemas["LogStatus"] }) {
  return (
    <dl className="facts-list">
      <div><dt>{say("record.size")}</dt><dd>{formatNumber(of.size)}</dd></div>
      <div><dt>{say("record.lag")}</dt><dd>{say("record.seconds", { count: formatNumber(Math.round(of.lag_seconds)) })}</dd></div>
      <div><dt>{say("record.checkpoint-at")}</dt><dd>{of.checkpoint_at && <Instant at={of.checkpoint_at} />}</dd></div>
      <div><dt>{say("record.witness")}</dt><dd>{of.witnesses.length ? of.witnesses.map((witness) => <Witness key={witness.name} of={witness} />) : say("record.no-witness")}</dd></div>
      {of.is_set_back && <div><dt>{say("record.set-back")}</dt><dd>{formatNumber(of.witnessed_size)}</dd></div>}
    </dl>
  );
}

const Witness = ({ of }: { of: Schemas["LogStatus"]["witnesses"][number] }) => (
  <p>{of.name} · {formatNumber(of.size ?? 0)} {of.at && <Instant at={of.at} />}</p>
);
