// Checkpoints (C2SP tlog-checkpoint): the name of a log, the number of its entries, and the root of the tree over them.
import { fromBase64, type Bytes } from "./bytes.ts";
import { parseNote, verifyNote, type VerifierKey } from "./note.ts";
import { Unproved } from "./unproved.ts";

export type Checkpoint = { origin: string; size: number; root: Bytes; at: string | null; signedBy: VerifierKey };

const HASH_BYTES = 32;
const AT = "attest/time ";

/** Verifies the signature of a checkpoint of a log, `changes` or `access`, and reads it. */
export async function openCheckpoint(data: string, keys: VerifierKey[], log: string): Promise<Checkpoint> {
  const note = parseNote(data);
  const signedBy = await verifyNote(note, keys);
  const [origin = "", size = "", root = "", ...rest] = note.text.slice(0, -1).split("\n");
  const isNumber = /^(0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  if (!isNumber) throw new Unproved("malformed");
  if (origin !== signedBy.name || !origin.endsWith(`/${log}`)) throw new Unproved("other-log");
  const hash = fromBase64(root);
  if (hash.length !== HASH_BYTES) throw new Unproved("malformed");
  const at = rest[0]?.startsWith(AT) ? rest[0].slice(AT.length) : null;
  return { origin, size: Number(size), root: hash, at, signedBy };
}
