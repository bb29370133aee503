// What can go wrong with a request: the server refuses it, or no answer comes.
import type { Problem } from "./index.js";

export type FieldError = NonNullable<Problem["errors"]>[number];

/** The server refused the request. Branch on `code`, which is stable; show `message` or the sentences of `errors`. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail} (request ${problem.request_id})`);
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** The invalid fields of a 422, and of other problems that name fields. */
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }

  /** What is wrong with one field: `at("/body/sku")`. */
  at(pointer: string): FieldError | undefined {
    return this.errors.find((error) => error.pointer === pointer);
  }
}

/** No answer came: there is no connection, or it was lost. A change may have been made all the same. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** What a call returns. */
export type Answer<T> = { data?: T | undefined; error?: Problem | undefined; response: Response };

/** The data of an answer. Throws Refused for a problem. */
export function data<T>({ data, error, response }: Answer<T>): T {
  if (!response.ok) throw new Refused(asProblem(error, response));
  return data as T;
}

/** The problem of a response that is not ok. Something between here and the server may have written it, as HTML. */
export function asProblem(body: unknown, { status, statusText, url, headers }: Response): Problem {
  if (typeof body === "object" && body !== null && "code" in body) return body as Problem;
  return {
    type: "about:blank",
    title: statusText,
    status,
    detail: `The answer ${status} is not one of the API.`,
    instance: url,
    code: "foreign-answer",
    request_id: headers.get("X-Request-ID") ?? "",
  };
}
