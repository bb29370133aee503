// Sending a request, and sending it again where that is safe.
import { Unreachable } from "./problems.js";

export type Send = (request: Request) => Promise<Response>;

export interface RetryOptions {
  /** How often a request is sent at most; 4 by default, 1 for never again. */
  attempts?: number;
  /** The longest wait between two attempts, in seconds; 20 by default. An answer that asks for more is returned. */
  longestWait?: number;
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const REPLACING = new Set(["PUT", "DELETE"]);
const LOST = new Set([502, 503, 504]);
const TOO_MANY = 429;
const CONFLICT = 409;

/** `fetch`, except that it throws Unreachable where no answer comes. That the caller gave up is thrown as it is. */
export function reach(fetch: Send): Send {
  return async (request) => {
    try {
      return await fetch(request);
    } catch (error) {
      if (request.signal.aborted) throw error;
      throw new Unreachable(`${request.method} ${request.url}: no answer`, { cause: error });
    }
  };
}

/** `send`, again and again, while the server is busy or away and a second request cannot do anything twice. */
export function retry(send: Send, { attempts = 4, longestWait = 20 }: RetryOptions = {}): Send {
  return async (request) => {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= attempts;
      const answer = await send(isLast ? request : request.clone()).catch((error: unknown) => {
        if (isLast || !(error instanceof Unreachable) || !isRepeatable(request)) throw error;
        return undefined;
      });
      const wait = secondsToWait(answer, attempt);
      if (answer && (isLast || wait > longestWait || !isWorthRepeating(request, answer))) return answer;
      await answer?.text().catch(() => undefined); // frees the connection
      await sleep(wait, request.signal);
    }
  };
}

/** Whether a second `request` does nothing that the first has not done. */
export function isRepeatable({ method, headers, url }: Request): boolean {
  if (SAFE.has(method) || headers.has("Idempotency-Key")) return true;
  // The server gives the same pair of tokens again for some seconds (AUTH__REFRESH_GRACE).
  if (url.endsWith("/auth/token/refresh")) return true;
  // With If-Match the second would be refused because of the first.
  return REPLACING.has(method) && !headers.has("If-Match");
}

function isWorthRepeating(request: Request, { status, headers }: Response): boolean {
  if (status === TOO_MANY) return true; // refused before anything was done
  if (status === CONFLICT) return headers.has("Retry-After"); // the first request with this key is still running
  return LOST.has(status) && isRepeatable(request);
}

/** What the answer asks for, or else about 0.25, 0.5, 1, … seconds: at random, so that clients do not come in step. */
function secondsToWait(answer: Response | undefined, attempt: number): number {
  const asked = answer?.headers.get("Retry-After");
  if (!asked) return 2 ** (attempt - 3) * (0.5 + Math.random());
  const seconds = Number(asked);
  return Math.max(0, Number.isNaN(seconds) ? (Date.parse(asked) - Date.now()) / 1000 : seconds);
}

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
