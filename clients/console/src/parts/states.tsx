// What a screen shows instead of its content: loading, nothing, refused, failed.
import type { ReactNode } from "react";
import { Refused, Unreachable } from "../api/problems.ts";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";

export const Loading = () => <p className="state" role="status">{say("state.loading")}</p>;

export function Empty({ children }: { children?: ReactNode }) {
  return <p className="state">{children ?? say("state.empty")}</p>;
}

/** A refusal: which permission is missing, and who can give it. Also for links to screens that are not offered. */
export function Missing({ permission }: { permission: string }) {
  return (
    <div className="state refused" role="alert">
      <Icon name="lock" />
      <strong>{say("state.refused")}</strong>
      <p>{say("state.permission", { permission })}</p>
    </div>
  );
}

/** Any error, in place of the content or beside a form. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error instanceof Refused && error.missingPermission) return <Missing permission={error.missingPermission} />;
  const refused = error instanceof Refused ? error : null;
  const text = error instanceof Unreachable ? say("state.unreachable") : refused?.message || say("state.failed");
  return (
    <div className="state failed" role="alert">
      <Icon name="circle-alert" />
      <strong>{text}</strong>
      {refused?.problem.request_id && <small>{say("state.request", { id: refused.problem.request_id })}</small>}
      {retry && <button type="button" onClick={retry}>{say("action.retry")}</button>}
    </div>
  );
}

type Answer<T> = { data: T | undefined; error: unknown; refetch: () => unknown };

/** The content of an answer, or the state instead: `<Answered to={useRead(…)}>{(page) => …}</Answered>`. */
export function Answered<T>({ to, children }: { to: Answer<T>; children: (data: T) => ReactNode }) {
  if (to.data !== undefined) return children(to.data);
  return to.error ? <Problem error={to.error} retry={() => void to.refetch()} /> : <Loading />;
}
