// The token of a link in a mail. It is taken out of the address bar at once, and is nowhere but in the memory of the tab.
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let token = "";

function set(next: string): void {
  token = next;
  for (const listener of listeners) listener();
}

/** Takes a token out of the address, `#token=…`, before anything else reads the address. */
function take(): void {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found === null) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  set(found);
}

take();
addEventListener("hashchange", take); // another link in the same tab loads no page

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The token of the last link that was opened in this tab; empty without one. */
export const useToken = () => useSyncExternalStore(subscribe, () => token);

/** Forgets a token that does nothing any more. */
export const dropToken = () => set("");
