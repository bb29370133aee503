// What the person may do with the items of a module, as the document says of each action.
import { useMay } from "../api/queries.ts";
import type { Field, Resource } from "../document/read.ts";

/** Answers `can("restore")`: the module has the action, and the person holds one of the sets of permissions that it takes. */
export function useCan({ actions }: Resource): (action: string) => boolean {
  const may = useMay();
  return (action) => Object.hasOwn(actions, action) && (actions[action]?.anyOf ?? [[]]).some((set) => set.every(may));
}

/** Answers whether the items that a field or filter refers to may be read, so that one can be picked. */
export function useMayPick(): (field: Field) => boolean {
  const may = useMay();
  return ({ reference }) => reference === undefined || may(`${reference}:read`);
}

/** The permissions that the fields of an item take to be read, beside that of the module, which the person lacks. */
export function useUnreadable({ columns }: Resource): string[] {
  const may = useMay();
  const needed = columns.flatMap(({ readAction }) => readAction ?? []);
  return [...new Set(needed)].filter((permission) => !may(permission));
}
