// A typed client: `const api = await connect(url, credentials)`, then `api.GET("/api/v1/tasks")`.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";
export type Problem = components["schemas"]["Problem"];
export type Schemas = components["schemas"];
type Json = "application/json" | "application/problem+json";
type Answer<T> = { data?: T | undefined; error?: Problem | undefined };

/** A problem as an exception, for callers that have no better answer to it. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail} (request ${problem.request_id})`);
  }
}

/** The data of an answer. Throws Refused for a problem. */
export function data<T>(answer: Answer<T>): T {
  if (answer.error !== undefined) throw new Refused(answer.error);
  return answer.data as T;
}

/** A client that is signed in for as long as its access token lasts (15 minutes): it does not refresh. Throws Refused. */
export async function connect(baseUrl: string, credentials: Schemas["SignInForm"]): Promise<Client<paths, Json>> {
  const api = createClient<paths, Json>({ baseUrl });
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const token = data(await api.POST("/api/v1/auth/token", { body: credentials, headers: form })).access_token;
  api.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${token}`) });
  return api;
}

type Page<T> = { items: T[]; next_cursor: string | null };

/** Every item of a list, page by page: `for await (const task of walk((cursor) => api.GET(…)))`. Throws Refused. */
export async function* walk<T>(
  page: (cursor: string | undefined) => Promise<Answer<Page<T>>>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const found = data(await page(cursor));
    yield* found.items;
    cursor = found.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
