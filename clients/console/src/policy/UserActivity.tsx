// What a person did, for those who read the audit log.
import { useMay, type Schemas } from "../api/queries.ts";
import { Missing } from "../parts/states.tsx";
import { Timeline } from "../record/ActorScreen.tsx";

export function UserActivity({ user }: { user: Schemas["UserRead"] }) {
  const may = useMay();
  return may("audit:read") ? <Timeline id={user.id} /> : <Missing permission="audit:read" />;
}
