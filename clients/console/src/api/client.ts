// The one door to the API: `api` where the screen knows the operation, `call` where the document names it.
import createClient from "openapi-fetch";
import { KEYED } from "../../../typescript/src/operations.ts";
import type { paths } from "../../../typescript/src/schema.ts";
import { ROOT } from "../root.ts";
import { Refused, toProblem } from "./problems.ts";
import { send } from "./send.ts";

export const api = createClient<paths>({ baseUrl: ROOT, fetch: send, cache: "no-store" });

const IDEMPOTENCY_KEY = "Idempotency-Key";

/** A key by which the server recognises a write that was sent twice. */
const newKey = () => crypto.randomUUID();

api.use({
  onRequest({ request, schemaPath }) {
    if (!KEYED.has(`${request.method} ${schemaPath}`) || request.headers.has(IDEMPOTENCY_KEY)) return;
    request.headers.set(IDEMPOTENCY_KEY, newKey());
  },
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer; throws Refused for a problem: `await data(api.GET("/api/v1/auth/me"))`. */
export async function data<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data: found, error, response } = await answer;
  if (!response.ok) throw new Refused(toProblem(error, response));
  return found as T;
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;
export type Call = { query?: Query; body?: unknown; headers?: Record<string, string>; signal?: AbortSignal };
type Method = "get" | "post" | "put" | "patch" | "delete";

/** A file is sent as it is. */
const asItIs = { bodySerializer: (body: unknown) => body };

/** Calls an operation of a module, which the types need not know. Modules take a key with each POST; for other operations use `api`. */
export function call<T>(method: Method, path: string, { query, headers, ...init }: Call = {}): Promise<T> {
  const request = api.request as (method: Method, path: string, init: object) => Promise<Answer<T>>;
  return data(request(method, path, { ...init, ...(init.body instanceof Blob && asItIs), headers: { ...(method === "post" && { [IDEMPOTENCY_KEY]: newKey() }), ...headers }, params: { query } }));
}

/** `If-Match` for a version of an item. */
export const ifMatch = (version: unknown) => ({ "If-Match": `"${String(version)}"` });
