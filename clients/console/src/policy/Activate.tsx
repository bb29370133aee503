// A module, or its group, that is not active and so grants nothing: says so, and offers to mend it.
import { useState } from "react";
import { ifMatch } from "../api/client.ts";
import { useMay } from "../api/queries.ts";
import { Chip } from "../parts/Chip.tsx";
import { say } from "../words/say.ts";
import { Consequences } from "./Consequences.tsx";
import type { Module } from "./modules.ts";

export function Activate({ what: { path, name, version } }: { what: NonNullable<Module["inactive"]> }) {
  const [trying, setTrying] = useState(false);
  const may = useMay();
  return (
    <>
      <Chip tone="warn">{say("matrix.inactive")}</Chip>
      {may("roles:update") && <button type="button" className="link" aria-label={say("matrix.activate-one", { name })} onClick={() => setTrying(true)}>{say("matrix.activate")}</button>}
      {trying && (
        <Consequences title={say("matrix.activate-one", { name })} action={say("matrix.activate")} onClose={() => setTrying(false)}
          change={{ method: "patch", path, body: { is_active: true }, headers: ifMatch(version) }} />
      )}
    </>
  );
}
