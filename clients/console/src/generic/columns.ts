// The columns of a list: those in the address, else those that were chosen in this browser before, else those that say most.
import type { Field, Resource } from "../document/read.ts";
import { useAddress, valueOf } from "../parts/address.ts";
import { shownColumns } from "./list.ts";

const savedAt = ({ slug }: Resource) => `attest.columns.${slug}`;

/** The columns, and a function that chooses others by name; none at all are the usual ones. */
export function useColumns(resource: Resource): [Field[], (names: readonly string[]) => void] {
  const [search, change] = useAddress();
  const shown = valueOf(search, "shown") || localStorage.getItem(savedAt(resource)) || undefined;
  const choose = (names: readonly string[]) => {
    localStorage.setItem(savedAt(resource), names.join(","));
    change({ shown: names.join(",") || undefined });
  };
  return [shownColumns(resource, { ...search, shown }), choose];
}
