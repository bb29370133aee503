// A typed client: `const api = await connect(url, credentials)`, then `api.GET("/api/v1/tasks")`.
import createFetchClient, { type Client } from "openapi-fetch";
import { KEYED } from "./operations.js";
import type { components, paths } from "./schema.js";
import { reach, retry, type RetryOptions, type Send } from "./send.js";
import { Session, withBearer } from "./session.js";
import { MemoryStore, type TokenStore } from "./tokens.js";

export { change, ifMatch, list, remove, upload, walk } from "./items.js";
export type { ChangesOf, FiltersOf, ItemOf, ItemPath, ListPath, UploadPath } from "./items.js";
export { data, Refused, Unreachable, type FieldError } from "./problems.js";
export type { components, paths } from "./schema.js";
export type { RetryOptions, Send } from "./send.js";
export { Session } from "./session.js";
export { BrowserStore, MemoryStore, type Tokens, type TokenStore } from "./tokens.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Json = "application/json" | "application/problem+json";
export type ApiPath = keyof paths;
/** `api.GET(path, { params, body, signal })`, `api.POST`, …: each returns `{ data, error, response }`. */
export type Api = Client<paths, Json>;
export type SessionApi = Api & { session: Session };

export interface Options extends RetryOptions {
  /** Sends requests in place of `fetch`. */
  fetch?: Send;
}

export interface SessionOptions extends Options {
  /** Where tokens are kept: in memory by default, `new BrowserStore()` for all tabs of a browser. */
  store?: TokenStore;
  /** Called when the session is over: show the sign-in form. */
  onSignedOut?: () => void;
}

/** A client of the API at `baseUrl` for people: with the session in `store`, or after `api.session.signIn(…)`. */
export function createClient(baseUrl: string, options: SessionOptions = {}): SessionApi {
  const { store = new MemoryStore(), onSignedOut } = options;
  const session = new Session(baseUrl, reach(options.fetch ?? fetch), store, onSignedOut);
  return Object.assign(clientOf(baseUrl, retry(session.authorized, options)), { session });
}

/** `createClient`, signed in. Throws Refused. */
export async function connect(
  baseUrl: string,
  credentials: Schemas["SignInForm"],
  options: SessionOptions = {},
): Promise<SessionApi> {
  const api = createClient(baseUrl, options);
  await api.session.signIn(credentials);
  return api;
}

/** A client for programs, with an API key in place of a session. */
export function createKeyClient(baseUrl: string, apiKey: string, options: Options = {}): Api {
  const send = reach(options.fetch ?? fetch);
  return clientOf(
    baseUrl,
    retry((request) => send(withBearer(request, apiKey)), options),
  );
}

/** 128 random bits; `crypto.randomUUID` is not there on pages without TLS. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A client whose requests have an Idempotency-Key wherever the API takes one, so that `send` can repeat them. */
function clientOf(baseUrl: string, send: Send): Api {
  const api = createFetchClient<paths, Json>({ baseUrl, fetch: send });
  api.use({
    onRequest({ request, schemaPath }) {
      const isKeyed = KEYED.has(`${request.method} ${schemaPath}`);
      if (isKeyed && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", randomKey());
      }
    },
  });
  return api;
}
