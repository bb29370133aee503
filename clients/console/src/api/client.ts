// The one door to the API: `api` where the screen knows the operation, `call` where the document names it.
import createClient from "openapi-fetch";
import type { paths } from "../../../typescript/src/schema.ts";
import { ROOT } from "../root.ts";
import { Refused, toProblem } from "./problems.ts";
import { send } from "./send.ts";

export const api = createClient<paths>({ baseUrl: ROOT, fetch: send, cache: "no-store" });

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

/** Calls an operation that the types do not know, because the document names it. */
export function call<T>(method: Method, path: string, { query, ...init }: Call = {}): Promise<T> {
  const request = api.request as (method: Method, path: string, init: object) => Promise<Answer<T>>;
  return data(request(method, path, { ...init, params: { query } }));
}

/** `If-Match` for a version of an item. */
export const ifMatch = (version: unknown) => ({ "If-Match": `"${String(version)}"` });
