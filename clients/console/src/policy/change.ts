// A change of the policy: first what it would do, then doing it.
import { call } from "../api/client.ts";
import { forget, type Schemas } from "../api/queries.ts";
import { waitingIn } from "../api/waiting.ts";

export type Effect = Pick<Schemas["VersionEffect"], "user_id" | "username" | "gained" | "lost" | "until">;
/** What the server says a change would do. Some changes wait for a second person, and say for which reason. */
export type DryRun = { effects?: Effect[]; needs_approval?: string[] };
export type Change = { method: "post" | "put" | "patch" | "delete"; path: string; body?: unknown; headers?: Record<string, string> };

/** Asks what a change would do. Nothing is written; what would be refused is refused. */
export const tryChange = ({ method, path, ...init }: Change, signal?: AbortSignal) =>
  call<DryRun>(method, path, { ...init, query: { dry_run: true }, ...(signal && { signal }) });

/** Makes a change. Answers the approval for which it waits, else null: then it is made. */
export async function makeChange({ method, path, headers, ...init }: Change, more: Record<string, string> = {}) {
  const waiting = waitingIn(await call(method, path, { ...init, headers: { ...headers, ...more } }));
  void forget("/api/v1");
  return waiting;
}
