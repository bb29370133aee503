// Permissions in words: `products:move-stock` → "Products: Record stock movements".
import { useQuery } from "@tanstack/react-query";
import { menu, permissions, type Schemas } from "../api/queries.ts";
import { humanize } from "../document/labels.ts";
import { say, sayIfKnown } from "../words/say.ts";

/** The standard actions of a grant, in the order of a matrix. A grant always lets its users read. */
export const FLAGS = ["create", "update", "delete", "audit"] as const;
export type Flag = (typeof FLAGS)[number];
export const EVERYTHING = "*";
export const ALL_ROWS = "all";

type Titles = { module: (slug: string) => string; action: (slug: string, action: string) => string; scope: (slug: string, scope: string) => string };

/** The names of modules, actions and scopes, as far as the person may know them; else what the policy calls them. */
export function useTitles(): Titles {
  const { data: mine = [] } = useQuery(permissions);
  const { data: groups = [] } = useQuery(menu);
  const known = (slug: string): Schemas["PermissionRead"] | undefined => mine.find(({ module_slug }) => module_slug === slug);
  const named = groups.flatMap((group) => group.modules);
  return {
    module: (slug) => named.find((module) => module.slug === slug)?.name ?? humanize(slug),
    action: (slug, action) => known(slug)?.action_titles[action] ?? sayIfKnown(`permission.${action}`, humanize(action)),
    scope: (slug, scope) => (scope === ALL_ROWS ? say("permission.all-rows") : (known(slug)?.scope_titles[scope] ?? humanize(scope))),
  };
}

/** A function that says a permission in words. */
export function useWords(): (permission: string) => string {
  const titles = useTitles();
  return (permission) => {
    if (permission === EVERYTHING) return say("permission.everything");
    const [name = "", scope] = permission.split("@");
    const [slug = "", action = ""] = name.split(":");
    const text = say("permission.of-module", { module: titles.module(slug), action: titles.action(slug, action) });
    return scope ? say("permission.in-scope", { permission: text, scope: titles.scope(slug, scope) }) : text;
  };
}
