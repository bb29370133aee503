// Arrow keys between the buttons of a matrix: one of them is in the order of Tab, the arrows reach the others.
import { useEffect, type RefObject } from "react";

const STEPS: Record<string, readonly [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Those of the cells, and not of a dialog that a cell has opened. */
const BUTTONS = "button:not(dialog *)";
const buttonsIn = (place: Element | null | undefined) => [...(place?.querySelectorAll<HTMLButtonElement>(BUTTONS) ?? [])];

/** The button that a key leads to: in the same row, or at the same place of the cell above or below. */
function neighbour(from: HTMLButtonElement, [down, right]: readonly [number, number]): HTMLButtonElement | undefined {
  const row = from.closest("tr");
  const buttons = buttonsIn(row);
  if (right) return buttons[buttons.indexOf(from) + right];
  const column = [...(row?.children ?? [])].findIndex((cell) => cell.contains(from));
  const place = buttonsIn(row?.children[column]).indexOf(from);
  const next = buttonsIn((down > 0 ? row?.nextElementSibling : row?.previousElementSibling)?.children[column]);
  return next[Math.min(place, next.length - 1)];
}

export function useArrows(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const body = ref.current;
    const keepOne = () => {
      const buttons = buttonsIn(body);
      const chosen = buttons.find((button) => button === document.activeElement) ?? buttons.find(({ tabIndex }) => tabIndex === 0) ?? buttons[0];
      for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const step = STEPS[event.key];
      const target = event.target as HTMLElement;
      const next = step && target.matches(BUTTONS) && neighbour(target as HTMLButtonElement, step);
      if (!next) return;
      event.preventDefault();
      next.focus();
    };
    keepOne();
    body?.addEventListener("keydown", onKeyDown);
    body?.addEventListener("focusin", keepOne);
    return () => {
      body?.removeEventListener("keydown", onKeyDown);
      body?.removeEventListener("focusin", keepOne);
    };
  });
}
