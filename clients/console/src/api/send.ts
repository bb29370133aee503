// Sends a request: with the token, again where a key makes that harmless, and with what the server asks for in between.
import { hooks } from "./hooks.ts";
import { problemOf, Unreachable, type Problem } from "./problems.ts";
import { accessToken, isSignedIn, refresh } from "./session.ts";

const RESTRICTIONS = new Set(["password-change-required", "second-factor-required"]);
const RETRY_MS = [500, 1500, 4000];
let policyVersion = 0;

function notePolicy(response: Response): void {
  const version = Number(response.headers.get("Policy-Version") ?? 0);
  if (version > policyVersion && policyVersion > 0) hooks.policyChanged();
  policyVersion = Math.max(policyVersion, version);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends until an answer comes: the key lets the server recognise a write that it has already made. */
async function deliver(request: Request, retries = request.headers.has("Idempotency-Key") ? RETRY_MS : []): Promise<Response> {
  for (const pause of [...retries, null]) {
    try {
      return await fetch(request.clone());
    } catch (cause) {
      if (request.signal.aborted) throw cause;
      if (pause === null) throw new Unreachable("", { cause });
      await wait(pause);
    }
  }
  throw new Unreachable();
}

async function attempt(request: Request): Promise<Response> {
  const token = await accessToken();
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  const response = await deliver(request);
  notePolicy(response);
  return response;
}

/** Does what the problem asks for; whether the request is to be repeated. */
async function remedy({ status, code }: Problem): Promise<boolean> {
  if (status === 403 && RESTRICTIONS.has(code)) hooks.restricted(code);
  if (status !== 401) return false;
  if (code === "insufficient-user-authentication") return hooks.stepUp();
  if (code !== "unauthenticated") return false;
  await refresh();
  return isSignedIn();
}

/** `fetch` for the API. A request is repeated once after a new token or a proof of the person. */
export async function send(request: Request): Promise<Response> {
  const response = await attempt(request);
  if (response.status !== 401 && response.status !== 403) return response;
  return (await remedy(await problemOf(response))) ? attempt(request) : response;
}
