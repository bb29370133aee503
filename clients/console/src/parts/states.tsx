// What a screen shows instead of its content: loading, nothing, refused, failed.
import type { ReactNode } from "react";
import { Refused, Unreachable } from "../api/problems.ts";
import { useRead, type Schemas } from "../api/queries.ts";
import { formatList } from "../words/format.ts";
import { say } from "../words/say.ts";
import { Icon } from "./Icon.tsx";
import { Heading } from "./Toolbar.tsx";

export const Loading = () => <p className="state" role="status">{say("state.loading")}</p>;

export function Empty({ children }: { children?: ReactNode }) {
  return <p className="state">{children ?? say("state.empty")}</p>;
}

/** A refusal: which permission is missing (any of several would do), and who can give it. Also for links to screens that are not offered. */
export function Missing({ permission }: { permission: string | readonly string[] }) {
  const wanted = [permission].flat();
  const { data } = useRead<Schemas["OwnExplanation"]>("/api/v1/auth/me/explain", { permission: wanted[0] });
  return (
    <div className="state refused" role="alert">
      <Icon name="lock" />
      <strong>{say("state.refused")}</strong>
      <p>{say("state.permission", { count: wanted.length, permission: wanted.join(", ") })}</p>
      {data && <p>{say("state.given-by", { permissions: formatList(data.given_with) })}{data.needs_approval && ` ${say("state.needs-approval")}`}</p>}
      {data?.granted_by?.length ? <p>{say("state.granted-by", { count: data.granted_by.length, roles: formatList(data.granted_by) })}</p> : null}
    </div>
  );
}

/** A refusal in place of a whole screen, with the heading that the screen would have. */
export const MissingScreen = ({ title, permission }: { title: string; permission: string | readonly string[] }) => (
  <>
    <Heading title={title} />
    <Missing permission={permission} />
  </>
);

/** Any error, in place of the content or beside a form. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  if (error instanceof Refused && error.missingPermissions?.length) return <Missing permission={error.missingPermissions} />;
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
