// The session of this browser: an access token in memory, shared by the tabs; the refresh token is in a cookie that no script reads.
import { ROOT } from "../root.ts";
import { problemOf, Refused, Unreachable } from "./problems.ts";

type Token = { value: string; expiresAt: number; issuedAt: number };
type Message = { kind: "token"; token: Token } | { kind: "signed-out" };

const BROWSER = `${ROOT}/api/v1/auth/browser`;
const LAST_ISSUED = "attest.token-issued-at";
const EARLY_MS = 20_000;
const NEIGHBOUR_MS = 2_000;

const channel = new BroadcastChannel("attest.session");
const listeners = new Set<() => void>();
let token: Token | null = null;
let epoch = 0; // counts sign-outs: a refresh that began before one has no effect after it

function set(next: Token | null): void {
  token = next;
  for (const listener of listeners) listener();
}

channel.onmessage = ({ data }: MessageEvent<Message>) => {
  if (data.kind === "signed-out") epoch += 1;
  set(data.kind === "token" ? data.token : null);
};

export const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const isSignedIn = () => token !== null;

async function post(path: string, body?: URLSearchParams): Promise<Response> {
  const headers = { "X-Attest-Browser": "1" };
  const options: RequestInit = { method: "POST", headers, credentials: "same-origin", body: body ?? null };
  const response = await fetch(`${BROWSER}/${path}`, options).catch((cause: unknown) => {
    throw new Unreachable("", { cause });
  });
  if (!response.ok) throw new Refused(await problemOf(response));
  return response;
}

async function keep(response: Response, since: number): Promise<void> {
  const { access_token, expires_in } = (await response.json()) as { access_token: string; expires_in: number };
  if (since !== epoch) return;
  const now = Date.now();
  const next = { value: access_token, expiresAt: now + expires_in * 1000, issuedAt: now };
  localStorage.setItem(LAST_ISSUED, String(now));
  set(next);
  channel.postMessage({ kind: "token", token: next } satisfies Message);
}

export async function signIn(username: string, password: string, code?: string): Promise<void> {
  const form = new URLSearchParams({ username, password, ...(code ? { code } : {}) });
  await keep(await post("token", form), epoch);
}

/** Ends the session, here and in all tabs, also when the server cannot be reached. */
export async function signOut(): Promise<void> {
  try {
    await post("logout");
  } finally {
    forget();
  }
}

function forget(): void {
  epoch += 1;
  set(null);
  channel.postMessage({ kind: "signed-out" } satisfies Message);
}

const isFresh = (found: Token | null): found is Token => found !== null && found.expiresAt - EARLY_MS > Date.now();

/** Waits for the token that another tab has received and is about to send. */
function tokenOfNeighbour(than: number): Promise<void> {
  if (Number(localStorage.getItem(LAST_ISSUED) ?? 0) <= than) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => (clearTimeout(timer), stop(), resolve());
    const stop = subscribe(done);
    const timer = setTimeout(done, NEIGHBOUR_MS);
  });
}

/** Inside the lock: one tab refreshes, the others take the token that it sends. */
async function renew(stale: Token | null): Promise<void> {
  if (stale && token === stale) await tokenOfNeighbour(stale.issuedAt);
  if (token !== stale && isFresh(token)) return;
  const since = epoch;
  try {
    const response = await post("refresh");
    if (response.status === 204) set(null);
    else await keep(response, since);
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500 || error.status === 429) throw error;
    if (since === epoch) forget();
  }
}

let renewal: Promise<void> | null = null;

/** Asks for a new token, once for all callers of all tabs. Without a session there is none afterwards. */
export function refresh(): Promise<void> {
  const stale = token;
  renewal ??= navigator.locks.request("attest.refresh", () => renew(stale)).finally(() => (renewal = null));
  return renewal;
}

/** The access token to send; null without a session. */
export async function accessToken(): Promise<string | null> {
  if (token && !isFresh(token)) await refresh();
  return token?.value ?? null;
}
