// Filters a log by a person, of those who did something lately.
import { useRead, type Schemas } from "../api/queries.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { say } from "../words/say.ts";
import { actorName } from "./Actor.tsx";
import type { LogName } from "./log.ts";

const MOST = 200;

export function PersonFilter({ log, known }: { log: LogName; known: Record<string, string> }) {
  const [search, change] = useAddress();
  const { data } = useRead<Schemas["SummaryRead"]>("/api/v1/audit/summary", { log, by: "actor", limit: MOST });
  const chosen = valueOf(search, "actor_id");
  const people = (data?.items ?? []).flatMap((group) =>
    group.actor_id ? [{ id: group.actor_id, name: actorName({ actor_kind: group.actor_kind ?? "", actor_name: group.actor_name }) }] : [],
  );
  const isListed = !chosen || people.some(({ id }) => id === chosen);
  return (
    <select aria-label={say("record.person")} value={chosen} onChange={({ target }) => change({ actor_id: target.value || undefined, cursor: undefined })}>
      <option value="">{say("record.anybody")}</option>
      {!isListed && <option value={chosen}>{known[chosen] ?? chosen}</option>}
      {people.toSorted((a, b) => a.name.localeCompare(b.name)).map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
    </select>
  );
}
