// A screen behind a permission: a link to it says what is missing.
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { holds, permissions } from "../api/queries.ts";
import { Answered, MissingScreen } from "../parts/states.tsx";
import type { Screen } from "../screens.ts";
import { say } from "../words/say.ts";

/** The screen for those who hold any of the permissions; for others, what they would need. */
export function guarded(Content: ComponentType, { title, permission: needed = [] }: Pick<Screen, "title" | "permission">): ComponentType {
  if (!needed.length) return Content;
  return function Guarded() {
    const mine = useQuery(permissions);
    return (
      <Answered to={mine}>
        {(held) => (needed.some((permission) => holds(held, permission)) ? <Content /> : <MissingScreen title={say(title)} permission={needed} />)}
      </Answered>
    );
  };
}
