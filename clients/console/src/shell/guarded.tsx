// A screen behind a permission: a link to it says what is missing.
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { holds, permissions } from "../api/queries.ts";
import { Answered, Missing } from "../parts/states.tsx";

/** The screen for those who hold any of the permissions; for others, what they would need. */
export function guarded(Screen: ComponentType, needed: readonly string[] = []): ComponentType {
  if (!needed.length) return Screen;
  return function Guarded() {
    const mine = useQuery(permissions);
    return (
      <Answered to={mine}>
        {(held) => (needed.some((permission) => holds(held, permission)) ? <Screen /> : <Missing permission={needed} />)}
      </Answered>
    );
  };
}
