// Checks a log as far as a browser can: who signed its checkpoint, whether it only grew, whether it holds an entry.
import { fromBase64 } from "./bytes.ts";
import { openCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { compareEntry, type Compared } from "./entry.ts";
import { recallCheckpoint, recallKeys, recallWitnesses, rememberCheckpoint, rememberKeys, rememberWitnesses, type Seen } from "./memory.ts";
import { OF_WITNESS, parseKeys, parseNote, verifyCosignatures, writeKey, type Cosignature, type VerifierKey } from "./note.ts";
import { leafHash, verifyConsistency, verifyInclusion } from "./tree.ts";
import { Unproved, type Reason } from "./unproved.ts";

export type Proof = { seq: number; size: number; entry: string; path: string[]; checkpoint: string };

/** The questions to the server. It can answer what it likes: nothing of it is believed. */
export type Server = {
  checkpoint: () => Promise<string>;
  keys: () => Promise<string>;
  /** The keys of the witnesses of the log, one on each line. */
  witnesses: () => Promise<string>;
  consistency: (from: number, to: number) => Promise<string[]>;
  proof: (seq: number) => Promise<Proof>;
  /** The entry as screens show it, by what its sealed bytes say. */
  shown: (sealed: Record<string, unknown>) => Promise<object | null>;
};
type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type Step<T> = { holds: true; found: T } | { holds: false; reason: Reason };
export type Signed = { note: string; checkpoint: Checkpoint; isFirstVisit: boolean };
/** Which witnesses cosigned a checkpoint, and the names of those that this browser knows and that did not. */
export type Cosigned = { by: Cosignature[]; silent: string[] };
export type Grown = { before: Seen | null };

/** What comes of a check. What is not proved is a result, anything else an error. */
async function attempt<T>(check: () => Promise<T>): Promise<Step<T>> {
  try {
    return { holds: true, found: await check() };
  } catch (error) {
    if (error instanceof Unproved) return { holds: false, reason: error.reason };
    throw error;
  }
}

/** The keys to believe: those that this browser knows, else those that the server publishes, which it then knows. */
async function trustedKeys(log: string, server: Server, store: Store): Promise<{ keys: VerifierKey[]; isFirstVisit: boolean; text: string }> {
  const known = recallKeys(log, store);
  const text = known ?? (await server.keys());
  return { keys: await parseKeys(text), isFirstVisit: known === null, text };
}

/** Whether a key that this browser trusts signed the newest checkpoint. */
export const checkSignature = (log: string, server: Server, store: Store): Promise<Step<Signed>> =>
  attempt(async () => {
    const note = await server.checkpoint();
    const { keys, isFirstVisit, text } = await trustedKeys(log, server, store);
    const checkpoint = await openCheckpoint(note, keys, log);
    if (isFirstVisit) rememberKeys(log, text, store);
    return { note, checkpoint, isFirstVisit };
  });

/** The witnesses to believe: those that this browser knows, and published ones of other names, which it then knows. */
async function trustedWitnesses(log: string, server: Server, store: Store): Promise<VerifierKey[]> {
  const known = await parseKeys(recallWitnesses(log, store));
  const published = (await parseKeys(await server.witnesses())).filter(({ kind }) => kind === OF_WITNESS);
  return [...known, ...published.filter(({ name }) => !known.some((one) => one.name === name))];
}

/** Which witnesses cosigned a checkpoint whose own signature was verified. */
export const checkCosignatures = (log: string, note: string, server: Server, store: Store): Promise<Step<Cosigned>> =>
  attempt(async () => {
    const keys = await trustedWitnesses(log, server, store);
    const by = await verifyCosignatures(parseNote(note), keys);
    rememberWitnesses(log, keys.map(writeKey).join("\n"), store);
    return { by, silent: keys.filter((key) => !by.some((one) => one.key === key)).map(({ name }) => name) };
  });

/** Whether the log begins with what this browser saw last. It remembers the new checkpoint only then. */
export const checkGrowth = (log: string, now: Checkpoint, server: Server, store: Store): Promise<Step<Grown>> =>
  attempt(async () => {
    const before = recallCheckpoint(log, store);
    if (before?.size) {
      const isLarger = now.size > before.size;
      const path = isLarger ? (await server.consistency(before.size, now.size)).map(fromBase64) : [];
      await verifyConsistency(before, now, path);
    }
    rememberCheckpoint(log, now, store);
    return { before };
  });

export type Proved = Compared & { size: number; shown: object | null };

/** Whether a signed checkpoint covers an entry, and whether what screens show of it is what was sealed. */
export const checkEntry = (log: string, seq: number, server: Server, store: Store): Promise<Step<Proved>> =>
  attempt(async () => {
    const proof = await server.proof(seq);
    const { keys } = await trustedKeys(log, server, store);
    const { size, root } = await openCheckpoint(proof.checkpoint, keys, log);
    await verifyInclusion(seq - 1, size, await leafHash(proof.entry), proof.path.map(fromBase64), root);
    const shown = await server.shown(JSON.parse(proof.entry) as Record<string, unknown>);
    const compared = shown ? compareEntry(shown as Record<string, unknown>, proof.entry) : { agree: [], hidden: [] };
    return { ...compared, size, shown };
  });
