// Keys that work anywhere on a screen, except where text is typed or a dialog is open.
import { useEffect, useRef } from "react";

export type Keys = Record<string, () => void>;

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) &&
  !(target instanceof HTMLInputElement && target.type === "checkbox");

/** The name of what was pressed: `j`, `?`, `mod+k`. */
const nameOf = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey ? `mod+${event.key.toLowerCase()}` : event.key);

/** Answers keys: `useKeys({ "/": focusSearch, "mod+k": openPalette })`. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const name = nameOf(event);
      const act = latest.current[name];
      if (!act || event.altKey || (!name.startsWith("mod+") && isTyping(event.target))) return;
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}
