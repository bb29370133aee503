// What this browser remembers of a log: the key that it saw first, and the newest checkpoint that it verified.
import { fromBase64, toBase64, type Bytes } from "./bytes.ts";
import { Unproved } from "./unproved.ts";

export type Seen = { size: number; root: Bytes; at: string };
type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const name = (log: string, what: string) => `attest.${log}.${what}`;

export function recallCheckpoint(log: string, store: Store = localStorage): Seen | null {
  const text = store.getItem(name(log, "checkpoint"));
  if (!text) return null;
  try {
    const { size, root, at } = JSON.parse(text) as { size: number; root: string; at: string };
    return { size, root: fromBase64(root), at };
  } catch {
    throw new Unproved("malformed");
  }
}

export function rememberCheckpoint(log: string, { size, root }: { size: number; root: Bytes }, store: Store = localStorage): void {
  store.setItem(name(log, "checkpoint"), JSON.stringify({ size, root: toBase64(root), at: new Date().toISOString() }));
}

/** The keys that a person trusts for a log; those of the first visit where none were given. */
export const recallKeys = (log: string, store: Store = localStorage): string | null => store.getItem(name(log, "keys"));

export const rememberKeys = (log: string, keys: string, store: Store = localStorage): void => store.setItem(name(log, "keys"), keys);

/** The keys of witnesses, the same way. */
export const recallWitnesses = (log: string, store: Store = localStorage): string => store.getItem(name(log, "witnesses")) ?? "";

export const rememberWitnesses = (log: string, keys: string, store: Store = localStorage): void => store.setItem(name(log, "witnesses"), keys);

/** Begins anew: after a restore that the operator has explained. */
export const forgetLog = (log: string, store: Store = localStorage): void => ["checkpoint", "keys", "witnesses"].forEach((what) => store.removeItem(name(log, what)));
