// Signed notes (C2SP signed-note): a text, and lines with its signatures by named Ed25519 keys.
import { fromBase64, join, same, toBytes, toHex, type Bytes } from "./bytes.ts";
import { Unproved } from "./unproved.ts";

export type VerifierKey = { name: string; id: string; public: Bytes };
type Signature = { name: string; id: string; value: Bytes };
export type Note = { text: string; signatures: Signature[] };

const ED25519 = 1;
const ID_BYTES = 4;
const KEY_BYTES = 32;
const LINE = /^— (\S+) (\S+)$/;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

export const sha256 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** Reads a verifier key, `name+id+key`. Throws Unproved unless its id is that of the key. */
export async function parseKey(line: string): Promise<VerifierKey> {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(line) ?? [];
  if (!name || !id || !encoded) throw new Unproved("unusable-key");
  const material = fromBase64(encoded);
  const hash = await sha256(join(toBytes(`${name}\n`), material));
  const isUsable = material[0] === ED25519 && material.length === KEY_BYTES + 1 && toHex(hash.slice(0, ID_BYTES)) === id;
  if (!isUsable) throw new Unproved("unusable-key");
  return { name, id, public: material.slice(1) };
}

/** Reads keys, one on each line. */
export const parseKeys = (text: string): Promise<VerifierKey[]> =>
  Promise.all(text.split("\n").map((line) => line.trim()).filter(Boolean).map(parseKey));

/** Reads a note. Its signatures are not verified. */
export function parseNote(data: string): Note {
  const end = data.lastIndexOf("\n\n");
  const text = data.slice(0, end + 1);
  const lines = data.slice(end + 2).split("\n");
  if (end < 0 || lines.pop() !== "" || !lines.length || CONTROL.test(text)) throw new Unproved("malformed");
  return { text, signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): Signature {
  const [, name, encoded] = LINE.exec(line) ?? [];
  if (!name || !encoded) throw new Unproved("malformed");
  const bytes = fromBase64(encoded);
  if (bytes.length <= ID_BYTES) throw new Unproved("malformed");
  return { name, id: toHex(bytes.slice(0, ID_BYTES)), value: bytes.slice(ID_BYTES) };
}

/** The key that signed the note. Signatures of other keys say nothing; a wrong one of a known key is refused. */
export async function verifyNote({ text, signatures }: Note, keys: VerifierKey[]): Promise<VerifierKey> {
  let signer: VerifierKey | undefined;
  for (const { name, id, value } of signatures) {
    const key = keys.find((one) => one.name === name && one.id === id);
    if (!key) continue;
    if (!(await isSignedBy(key, text, value))) throw new Unproved("wrong-signature");
    signer ??= key;
  }
  if (!signer) throw new Unproved("unknown-key");
  return signer;
}

async function isSignedBy(key: VerifierKey, text: string, signature: Bytes): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, toBytes(text));
}

export const isSameKey = (a: VerifierKey, b: VerifierKey): boolean => a.name === b.name && same(a.public, b.public);
