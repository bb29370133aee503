// Keeps the focus on the page: when what had it is gone or disabled, the dialog that is open takes it, else the content.
import { useEffect } from "react";

function isLost(last: Element | null): boolean {
  const now = document.activeElement;
  if (last === null || (now !== null && now !== document.body && now !== last)) return false;
  return !last.isConnected || last.matches(":disabled");
}

/** The heading of the topmost dialog, or the content of the screen. */
const successor = () => [...document.querySelectorAll<HTMLElement>("dialog[open] h2")].at(-1) ?? document.getElementById("content");

export function useKeptFocus(): void {
  useEffect(() => {
    let last: Element | null = null;
    const remember = ({ target }: FocusEvent) => { last = target instanceof Element ? target : null; };
    const observer = new MutationObserver(() => {
      if (isLost(last)) successor()?.focus({ preventScroll: true });
    });
    observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled"] });
    addEventListener("focusin", remember);
    return () => {
      observer.disconnect();
      removeEventListener("focusin", remember);
    };
  }, []);
}
