// A server in the process: answers that a test has prepared, and the requests that it got.
import type { Send } from "attest-client";

export type Reply = Response | Error | ((request: Request) => Response | Promise<Response>);

export class Server {
  readonly requests: Request[] = [];
  readonly #replies: Reply[];

  /** Gives `replies` one after the other, the last one for ever. An Error is a lost connection. */
  constructor(...replies: Reply[]) {
    this.#replies = replies;
  }

  readonly fetch: Send = async (request) => {
    request.signal.throwIfAborted();
    this.requests.push(request);
    const reply = this.#replies.length > 1 ? this.#replies.shift() : this.#replies[0];
    if (reply instanceof Error) throw reply;
    return typeof reply === "function" ? reply(request) : (reply as Response).clone();
  };

  /** One header of every request. */
  sent(header: string): (string | null)[] {
    return this.requests.map(({ headers }) => headers.get(header));
  }
}

export const LOST = new TypeError("fetch failed");

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

export function problem(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  more: object = {},
): Response {
  const type = `/problems/${code}`;
  const fields = { type, title: "", status, detail: "So it is.", instance: "/", code, request_id: "r-1" };
  return json({ ...fields, ...more }, status, headers);
}
