// The grants of roles, and edits of them that are not yet made. Pure functions.
import type { Schemas } from "../api/queries.ts";
import { ALL_ROWS, type Flag } from "./permissions.ts";

export type Grant = Required<Schemas["Flags"]>;
export type Row = Schemas["MatrixRow"];
/** Edits by role and module; null takes the module from the role. */
export type Draft = ReadonlyMap<string, ReadonlyMap<string, Grant | null>>;
export const NO_EDITS: Draft = new Map();

const blank = (slug: string): Grant => ({
  module_slug: slug, can_create: false, can_update: false, can_delete: false, can_audit: false, actions: [], scope: ALL_ROWS,
});

const storedGrant = (row: Row, slug: string): Grant | null => (row.modules as Grant[]).find(({ module_slug }) => module_slug === slug) ?? null;

/** What a role grants in a module with the edits; null where nothing. */
export function grantOf(row: Row, slug: string, draft: Draft): Grant | null {
  const edited = draft.get(row.role_id)?.get(slug);
  return edited === undefined ? storedGrant(row, slug) : edited;
}

const keyOf = (grant: Grant | null) => grant && JSON.stringify([grant.can_create, grant.can_update, grant.can_delete, grant.can_audit, [...grant.actions].sort(), grant.scope]);

/** The edits with one more; what is again as it was is no edit. */
export function edit(draft: Draft, row: Row, slug: string, grant: Grant | null): Draft {
  const ofRole = new Map(draft.get(row.role_id));
  if (keyOf(grant) === keyOf(storedGrant(row, slug))) ofRole.delete(slug);
  else ofRole.set(slug, grant);
  const next = new Map(draft);
  if (ofRole.size) next.set(row.role_id, ofRole);
  else next.delete(row.role_id);
  return next;
}

export const isEdited = (draft: Draft, row: Row, slug: string) => draft.get(row.role_id)?.has(slug) ?? false;
export const countEdits = (draft: Draft) => [...draft.values()].reduce((sum, ofRole) => sum + ofRole.size, 0);

/** Gives or takes a module, which is what lets read it. */
export const toggleModule = (grant: Grant | null, slug: string): Grant | null => (grant ? null : blank(slug));

export function toggleFlag(grant: Grant | null, slug: string, flag: Flag): Grant {
  const before = grant ?? blank(slug);
  return { ...before, [`can_${flag}`]: !before[`can_${flag}`] };
}

/** What the API is sent: all grants of each edited role, only if it is still at the version that was on the screen. */
export function toBody(rows: readonly Row[], draft: Draft): Schemas["MatrixEdit"] {
  const edited = rows.filter(({ role_id }) => draft.has(role_id));
  const grantsOf = (row: Row) => {
    const slugs = new Set([...row.modules.map(({ module_slug }) => module_slug), ...(draft.get(row.role_id)?.keys() ?? [])]);
    return [...slugs].map((slug) => grantOf(row, slug, draft)).filter((grant) => grant !== null);
  };
  return { roles: edited.map((row) => ({ role_id: row.role_id, version: row.version, modules: grantsOf(row) })) };
}
