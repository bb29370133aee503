// The person to whom a session or key belongs.
import { To } from "../parts/To.tsx";
import { useMay } from "../api/queries.ts";
import { toActor } from "./places.ts";

type Named = { id: string; name: string };

/** A link to what the person did, where the audit log may be read, else to the person. */
export function Owner({ of }: { of: Named | null }) {
  const may = useMay();
  if (!of) return null;
  return <To place={may("audit:read") ? toActor(of.id) : { to: `/users/${of.id}` }}>{of.name}</To>;
}

export const ownersOf = (rows: { user: Named | null }[]): Record<string, string> =>
  Object.fromEntries(rows.flatMap(({ user }) => (user ? [[user.id, user.name]] : [])));
