// The cache of answers, and the questions that more than one screen asks.
import { QueryClient, queryOptions, useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { components } from "../../../typescript/src/schema.ts";
import { readDocument, type Resource } from "../document/read.ts";
import type { OpenApi } from "../document/schema.ts";
import { api, call, data, type Query } from "./client.ts";
import { dropOld } from "./dropOld.ts";
import { hooks } from "./hooks.ts";
import { Refused } from "./problems.ts";

export type Schemas = components["schemas"];
export type Page<T> = { items: T[]; next_cursor: string | null; total: number | null; total_is_exact: boolean | null };

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && !(error instanceof Refused && error.status < 500),
    },
  },
});

dropOld(queries.getQueryCache());

hooks.policyChanged = () => void queries.invalidateQueries({ queryKey: ["mine"] });

/** Reads an address of the API, cached by path and query: `useRead<Page<Role>>("/api/v1/roles", { limit: 20 })`. */
export function useRead<T>(path: string | null, query: Query = {}): UseQueryResult<T> {
  return useQuery({
    queryKey: ["read", path, query],
    queryFn: ({ signal }) => call<T>("get", path as string, { query, signal }),
    enabled: path !== null,
  });
}

/** Keeps what the server has told of an address, as if it had been read. */
export const noteRead = (path: string, answer: unknown) => void queries.setQueryData(["read", path, {}], answer);

/** Forgets what was read below a path, after a write. */
export const forget = (path: string) =>
  queries.invalidateQueries({
    predicate: ({ queryKey: [kind, read] }) => kind === "read" && typeof read === "string" && read.startsWith(path),
  });

export const me = queryOptions({ queryKey: ["mine", "me"], queryFn: () => data(api.GET("/api/v1/auth/me")) });
export const menu = queryOptions({ queryKey: ["mine", "menu"], queryFn: () => data(api.GET("/api/v1/auth/me/menu")) });
export const permissions = queryOptions({
  queryKey: ["mine", "permissions"],
  queryFn: () => data(api.GET("/api/v1/auth/me/permissions")),
});
export const resources = queryOptions({
  queryKey: ["document"],
  queryFn: async () => readDocument(await call<OpenApi>("get", "/api/v1/document")),
  staleTime: Infinity,
});

/** The resource with this slug; undefined while the document is read, null where it names none. */
export function useResource(slug: string): Resource | null | undefined {
  const { data: found } = useQuery(resources);
  return found && (found.find((resource) => resource.slug === slug) ?? null);
}

const SWITCHES: Record<string, keyof Schemas["PermissionRead"]> = {
  create: "can_create", read: "can_read", update: "can_update", delete: "can_delete", audit: "can_audit",
};

/** Whether the person holds a permission, `roles:read`, or `*:audit` in any module, as far as the menu says: the server decides anyway. */
export function holds(mine: readonly Schemas["PermissionRead"][] | undefined, permission: string): boolean {
  const [module, action = ""] = permission.split(":");
  if (module === "*") return mine?.some(({ module_slug }) => holds(mine, `${module_slug}:${action}`)) ?? false;
  const found = mine?.find(({ module_slug }) => module_slug === module);
  const key = SWITCHES[action];
  return found ? (key ? found[key] === true : found.actions.includes(action)) : false;
}

/** The same for every row that the person may read in the module: what is asked of all rows needs it in all of them. */
export function holdsWhereRead(mine: readonly Schemas["PermissionRead"][] | undefined, permission: string): boolean {
  const [module, action = ""] = permission.split(":");
  const scopes = mine?.find(({ module_slug }) => module_slug === module)?.scopes ?? {};
  const held = scopes[action];
  return holds(mine, permission) && (!held || Boolean(scopes.read?.every((scope) => held.includes(scope))));
}

/** Answers `may("customers:read-personal")` for every row that the person who is signed in may read. */
export function useMayWhereRead(): (permission: string) => boolean {
  const { data: mine } = useQuery(permissions);
  return (permission) => holdsWhereRead(mine, permission);
}

/** Answers `may("roles:update")` for the person who is signed in. */
export function useMay(): (permission: string) => boolean {
  const { data: mine } = useQuery(permissions);
  return (permission) => holds(mine, permission);
}
