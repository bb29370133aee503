// Short messages about what was done, read aloud and gone after some seconds.
import { useSyncExternalStore } from "react";

const SECONDS = 5;
let messages: readonly { id: number; text: string }[] = [];
let last = 0;
const listeners = new Set<() => void>();

function set(next: typeof messages): void {
  messages = next;
  for (const listener of listeners) listener();
}

/** Says what was done: `toast(say("form.saved"))`. */
export function toast(text: string): void {
  const id = ++last;
  set([...messages, { id, text }]);
  setTimeout(() => set(messages.filter((message) => message.id !== id)), SECONDS * 1000);
}

const subscribe = (listener: () => void) => (listeners.add(listener), () => void listeners.delete(listener));

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => messages);
  return <div className="toasts" role="status">{shown.map(({ id, text }) => <p key={id}>{text}</p>)}</div>;
}
