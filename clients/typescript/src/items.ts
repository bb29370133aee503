// Lists page by page, and changes of the version that was read.
import type { Api, ApiPath, paths, Schemas } from "./index.js";
import { type Answer, data } from "./problems.js";

type Page<T> = { items: T[]; next_cursor: string | null };
type Success<Operation> = Operation extends { responses: { 200: { content: { "application/json": infer T } } } }
  ? T
  : never;
type Get<P extends ApiPath> = Success<paths[P]["get"]>;
type Query<Operation> = Operation extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

/** The addresses of lists whose items are all of one kind. */
export type ListPath = {
  [P in ApiPath]: P extends `${string}{${string}` ? never : Get<P> extends Page<unknown> ? P : never;
}[ApiPath];
/** The addresses of items with a version. */
export type ItemPath = {
  [P in ApiPath]: P extends `${string}/{id}` ? (Get<P> extends { id: string; version: number } ? P : never) : never;
}[ApiPath];
export type ItemOf<P extends ListPath> = Get<P> extends Page<infer T> ? T : never;
export type FiltersOf<P extends ListPath> = Omit<Query<paths[P]["get"]>, "cursor" | "offset">;
export type ChangesOf<P extends ItemPath> = paths[P]["patch"] extends {
  requestBody: { content: { "application/json": infer T } };
}
  ? T
  : never;
/** The addresses that take files. */
export type UploadPath = Extract<ApiPath, `${string}/import`>;

/** Every item of a list, page by page: `for await (const task of list(api, "/api/v1/tasks", { status: ["todo"] }))`. */
export function list<P extends ListPath>(
  api: Api,
  path: P,
  filters?: FiltersOf<P>,
  signal?: AbortSignal,
): AsyncGenerator<ItemOf<P>> {
  const get = api.GET as unknown as (path: P, init: object) => Promise<Answer<Page<ItemOf<P>>>>;
  return walk((cursor) => get(path, { params: { query: { limit: 100, ...filters, cursor } }, signal }));
}

/** The same for a list below an item: `walk((cursor) => api.GET("/api/v1/tasks/{id}/history", …))`. Throws Refused. */
export async function* walk<T>(page: (cursor: string | undefined) => Promise<Answer<Page<T>>>): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const found = data(await page(cursor));
    yield* found.items;
    cursor = found.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** The header by which a call acts only on the version that was read: `params: { path, header: ifMatch(task) }`. */
export function ifMatch({ version }: { version: number }): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}

/** Changes `item` if it is still as it was read, and returns it as it is then. Throws Refused: `stale-version`. */
export async function change<P extends ItemPath>(
  api: Api,
  path: P,
  item: { id: string; version: number },
  changes: ChangesOf<P>,
  signal?: AbortSignal,
): Promise<Get<P>> {
  const patch = api.PATCH as unknown as (path: P, init: object) => Promise<Answer<Get<P>>>;
  return data(await patch(path, { params: { path: { id: item.id }, header: ifMatch(item) }, body: changes, signal }));
}

/** Deletes `item`, if it is still as it was read. Throws Refused: `stale-version`. */
export async function remove<P extends ItemPath>(
  api: Api,
  path: P,
  item: { id: string; version: number },
  signal?: AbortSignal,
): Promise<void> {
  const erase = api.DELETE as unknown as (path: P, init: object) => Promise<Answer<undefined>>;
  data(await erase(path, { params: { path: { id: item.id }, header: ifMatch(item) }, signal }));
}

/** Creates items from a file, `text/csv` or `application/x-ndjson` by its `type`. Throws Refused. */
export async function upload<P extends UploadPath>(
  api: Api,
  path: P,
  file: Blob,
  query?: Query<paths[P]["post"]>,
  signal?: AbortSignal,
): Promise<Schemas["ImportReport"]> {
  const send = api.POST as unknown as (path: P, init: object) => Promise<Answer<Schemas["ImportReport"]>>;
  const headers = { "Content-Type": file.type };
  return data(
    await send(path, { params: { query }, headers, body: file, bodySerializer: (body: Blob) => body, signal }),
  );
}
