// Evidence of sealed entries: the entries, their proofs, and a program that verifies them anywhere.
import { useState } from "react";
import { download } from "../generic/Export.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Problem } from "../parts/states.tsx";
import type { LogName } from "./log.ts";

type EvidenceButtonProps = { log: LogName; filters: Record<string, string>; label: string };

export function EvidenceButton({ log, filters, label }: EvidenceButtonProps) {
  const [error, setError] = useState<unknown>(null);
  const get = () => {
    setError(null);
    download(`/api/v1/audit/evidence/${log}`, filters).catch(setError);
  };
  return (
    <>
      <button type="button" onClick={get}><Icon name="download" />{label}</button>
      {error !== null && <Problem error={error} />}
    </>
  );
}
