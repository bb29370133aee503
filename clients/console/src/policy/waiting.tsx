// A change that waits, in words.
import type { Schemas } from "../api/queries.ts";
import { Chip, type Tone } from "../parts/Chip.tsx";
import { say } from "../words/say.ts";

type Waiting = Schemas["ApprovalRead"];

const TONES: Record<Waiting["state"], Tone> = { pending: "info", approved: "good", rejected: "bad", withdrawn: "plain", failed: "bad", expired: "warn" };

export const ApprovalState = ({ state }: Pick<Waiting, "state">) => <Chip tone={TONES[state]}>{say(`approvals.state.${state}`)}</Chip>;

/** What the change is about, by the path of its request. */
export function describe({ path, method }: Pick<Waiting, "path" | "method">): string {
  if (path.endsWith("/rollback")) return say("approvals.kind.rollback");
  if (path.endsWith("/erase")) return say("approvals.kind.erasure");
  if (/\/roles\/matrix$|\/roles\/[^/]+\/modules$/.test(path)) return say("approvals.kind.grants");
  if (/\/roles\/[^/]+\/users$|\/users\/[^/]+\/roles$/.test(path)) return say("approvals.kind.assignment");
  return `${method} ${path}`;
}
