// The state of a screen is its address: parameters as the API has them, repeated for several values.
import { useNavigate, useSearch } from "@tanstack/react-router";

export type Search = Record<string, string | string[] | undefined>;

/** `?status=todo&status=done&q=lamp` → `{ status: [todo, done], q: lamp }`. */
export function parseSearch(text: string): Search {
  const found: Search = {};
  const parameters = new URLSearchParams(text);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    found[name] = values.length > 1 ? values : values[0];
  }
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const one of [value].flat()) if (one !== undefined && one !== "") parameters.append(name, String(one));
  }
  const text = parameters.toString();
  return text && `?${text}`;
}

/** All values of a parameter. */
export const valuesOf = (search: Search, name: string): string[] => [search[name] ?? []].flat();

/** The only or first value of a parameter. */
export const valueOf = (search: Search, name: string): string => valuesOf(search, name)[0] ?? "";

/** The parameters of the address, and a function that changes some of them: `undefined` takes one away. */
export function useAddress(): [Search, (changes: Search) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const change = (changes: Search) => void navigate({ to: ".", search: { ...search, ...changes } as never, replace: true });
  return [search, change];
}

/** Goes to an address of the console: `go("/tasks/1")`, `go("/tasks", { status: "todo" })`. */
export function useGo(): (path: string, search?: Search) => void {
  const navigate = useNavigate();
  return (path, search = {}) => void navigate({ to: path, search: search as never });
}
