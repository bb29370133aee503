// The modules that roles grant: with what an administrator may change of them, or by name alone for an auditor.
import { useQuery } from "@tanstack/react-query";
import { permissions, useMay, useRead, type Page, type Schemas } from "../api/queries.ts";
import type { Row } from "./matrix.ts";
import { useTitles } from "./permissions.ts";

type Declared = { name: string; title: string; is_active: boolean };
export type Module = {
  slug: string;
  name: string;
  actions: readonly Declared[];
  scopes: readonly Declared[];
  /** What keeps it from granting anything: the module itself, or its group. */
  inactive: { path: string; name: string; version: number } | null;
};

const EVERY = { limit: 100 };
const declared = (titles: Record<string, string>) => Object.entries(titles).map(([name, title]) => ({ name, title, is_active: true }));

/** What the rows and the own permissions tell, for those who may not read modules. */
function useNamedModules(rows: readonly Row[]): Module[] {
  const { data: mine = [] } = useQuery(permissions);
  const titles = useTitles();
  const slugs = new Set([...rows.flatMap(({ modules }) => modules.map(({ module_slug }) => module_slug)), ...mine.map(({ module_slug }) => module_slug)]);
  return [...slugs].sort().map((slug) => {
    const own = mine.find(({ module_slug }) => module_slug === slug);
    return { slug, name: titles.module(slug), actions: declared(own?.action_titles ?? {}), scopes: declared(own?.scope_titles ?? {}), inactive: null };
  });
}

export function useModules(rows: readonly Row[]): Module[] {
  const may = useMay();
  const path = (name: string) => (may("roles:read") ? `/api/v1/${name}` : null);
  const { data: modules } = useRead<Page<Schemas["ModuleRead"]>>(path("modules"), EVERY);
  const { data: groups } = useRead<Page<Schemas["GroupRead"]>>(path("module-groups"), EVERY);
  const named = useNamedModules(rows);
  if (!modules) return may("roles:read") ? [] : named;
  return modules.items.map(({ id, slug, name, version, is_active, group_id, actions, scopes }) => {
    const group = groups?.items.find((one) => one.id === group_id && !one.is_active);
    const ofGroup = group ? { path: `/api/v1/module-groups/${group.id}`, name: group.name, version: group.version } : null;
    return { slug, name, actions, scopes, inactive: is_active ? ofGroup : { path: `/api/v1/modules/${id}`, name, version } };
  });
}
