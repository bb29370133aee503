// All that one person holds, permission by permission, each with its reasons; on request what is almost held.
import { useRead, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { Answered } from "../parts/states.tsx";
import { say } from "../words/say.ts";
import { HeldTable } from "./HeldTable.tsx";

export function AllPermissions({ username, at }: { username: string; at: string }) {
  const [search, change] = useAddress();
  const almost = valueOf(search, "almost") === "true";
  const asked = { username, near_misses: almost, ...(at && { at: new Date(at).toISOString() }) };
  const answer = useRead<Schemas["UserExplanation"]>("/api/v1/rbac/explain/all", asked);
  return (
    <section className="who-can" aria-labelledby="all-permissions">
      <header>
        <h2 id="all-permissions">{say("explain.all-of", { who: username })}</h2>
        <label><input type="checkbox" checked={almost} onChange={() => change({ almost: almost ? undefined : "true" })} />{say("explain.almost-held")}</label>
      </header>
      <Answered to={answer}>{({ permissions }) => <HeldTable held={permissions} onOpen={(permission) => change({ permission })} />}</Answered>
    </section>
  );
}
