// What can go wrong with a request: the server refuses it, or no answer comes.
import type { components } from "../../../typescript/src/schema.ts";

/** With `params` where a permission is missing: any of these would do. Generators cannot type one among any. */
export type Problem = components["schemas"]["Problem"] & { params?: { permissions?: string[] } };
export type FieldError = NonNullable<Problem["errors"]>[number];

/** The server refused the request. Branch on `code`, which is stable. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  get errors(): readonly FieldError[] {
    return this.problem.errors ?? [];
  }

  /** The permissions of which one is missing, where that is the reason: `roles:read`. */
  get missingPermissions(): readonly string[] | undefined {
    return this.code === "permission-denied" ? this.problem.params?.permissions : undefined;
  }
}

/** No answer came. A change may have been made all the same. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** The problem in the body of a response. Something between here and the server may have written it, as HTML. */
export function toProblem(body: unknown, { status, statusText, url, headers }: Response): Problem {
  if (typeof body === "object" && body !== null && "code" in body) return body as Problem;
  return {
    type: "about:blank",
    title: statusText,
    status,
    detail: statusText,
    instance: url,
    code: "foreign-answer",
    request_id: headers.get("X-Request-ID") ?? "",
  };
}

/** The problem of a response, without consuming it. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.clone().json().catch(() => undefined);
  return toProblem(body, response);
}
