// Where the screens of the audit log lead to.
import type { Place } from "../parts/To.tsx";

export const toCall = (id: string): Place => ({ to: `/audit/calls/${id}` });
export const toActor = (id: string): Place => ({ to: `/audit/actors/${id}` });
export const toAccess = (search: Place["search"] = {}): Place => ({ to: "/audit/access", search });
export const toChanges = (search: Place["search"] = {}): Place => ({ to: "/audit/changes", search });
export const toLogins = (search: Place["search"] = {}): Place => ({ to: "/audit/logins", search });
export const toProof = (log: string, seq: number): Place => ({ to: "/audit/proofs", search: { log, seq: String(seq) } });
