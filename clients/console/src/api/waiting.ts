// Changes that wait for a second person: the server answers them with 202, and the approval for which they wait.
import type { Schemas } from "./queries.ts";

/** The approval that the answer to a change is, where it waits for a second person. */
export function waitingIn(answer: unknown): Schemas["ApprovalRead"] | null {
  const isApproval = typeof answer === "object" && answer !== null && "needs" in answer && "expires_at" in answer;
  return isApproval ? (answer as Schemas["ApprovalRead"]) : null;
}
