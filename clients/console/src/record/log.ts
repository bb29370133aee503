// A page of one of the two logs, and the window of time in which its filters looked.
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client.ts";
import { Refused, toProblem } from "../api/problems.ts";
import type { Page, Schemas } from "../api/queries.ts";
import { listQuery } from "../generic/list.ts";
import { useAddress, type Search } from "../parts/address.ts";

export type LogName = "access" | "changes";
export type Access = Schemas["AccessRead"];
export type Change = Schemas["ChangeRead"];
type Entries = { access: Access; changes: Change };
export type LogPage<L extends LogName> = Page<Entries[L]> & { window: string | null };

/** Filters of the address that the API knows. */
export const logQuery = (search: Search) => listQuery({ ...search, person: undefined, sort: undefined });

async function readLog<L extends LogName>(log: L, query: object, signal: AbortSignal): Promise<LogPage<L>> {
  const { data, error, response } = await api.GET(`/api/v1/audit/${log}` as "/api/v1/audit/access", { params: { query }, signal });
  if (!data) throw new Refused(toProblem(error, response));
  return { ...(data as unknown as Page<Entries[L]>), window: response.headers.get("Audit-Window") };
}

/** The page that the address asks for. */
export function useLog<L extends LogName>(log: L) {
  const [search] = useAddress();
  const query = logQuery(search);
  return useQuery({ queryKey: ["read", `/api/v1/audit/${log}`, query], queryFn: ({ signal }) => readLog(log, query, signal) });
}

/** What the entries of a page call people and items, by their ids. */
export function namesOf(entries: readonly (Access | Change)[]): Record<string, string> {
  const pairs = entries.flatMap((entry) => [
    [entry.actor_id, entry.actor_name], [entry.owner_id, entry.owner_name],
    "entity_id" in entry ? [entry.entity_id, entry.item_name] : [entry.item_id, entry.item_name],
    "subject_id" in entry ? [entry.subject_id, entry.subject_name] : [],
  ]);
  return Object.fromEntries(pairs.filter(([id, name]) => id && name) as [string, string][]);
}
