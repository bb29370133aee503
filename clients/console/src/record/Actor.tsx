// Who did something: the name at that time, as a link to everything that the person did.
import { To } from "../parts/To.tsx";
import { sayIfKnown } from "../words/say.ts";
import { humanize } from "../document/labels.ts";
import { toActor } from "./places.ts";

type Someone = { actor_kind: string; actor_id: string | null; actor_name: string | null };

/** A name for an actor, also for one without a name. */
export const actorName = ({ actor_kind: kind, actor_name: name }: Omit<Someone, "actor_id">): string =>
  name ?? sayIfKnown(`record.actor.${kind}`, humanize(kind));

export function Actor({ by }: { by: Someone }) {
  const name = actorName(by);
  return by.actor_id ? <To place={toActor(by.actor_id)}>{name}</To> : <>{name}</>;
}
