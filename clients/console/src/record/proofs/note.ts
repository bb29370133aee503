// Signed notes (C2SP signed-note): a text, and lines with its signatures by named Ed25519 keys, and those of witnesses (tlog-cosignature).
import { fromBase64, join, same, toBase64, toBytes, toHex, type Bytes } from "./bytes.ts";
import { Unproved } from "./unproved.ts";

/** `kind`: of a log, or of a witness, whose signatures have a time. */
export type VerifierKey = { name: string; id: string; kind: number; public: Bytes };
export type Cosignature = { key: VerifierKey; at: string };
type Signature = { name: string; id: string; value: Bytes };
export type Note = { text: string; signatures: Signature[] };

export const OF_LOG = 1;
export const OF_WITNESS = 4;
const ID_BYTES = 4;
const KEY_BYTES = 32;
const TIME_BYTES = 8;
const LATEST_SECONDS = 8_640_000_000_000n; // no date of a browser is later
const LINE = /^— (\S+) (\S+)$/;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

export const sha256 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** Reads a verifier key of a log or a witness, `name+id+key`. Throws Unproved unless its id is that of the key. */
export async function parseKey(line: string): Promise<VerifierKey> {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(line) ?? [];
  if (!name || !id || !encoded) throw new Unproved("unusable-key");
  const material = fromBase64(encoded);
  const hash = await sha256(join(toBytes(`${name}\n`), material));
  const kind = material[0] ?? 0;
  const isUsable = (kind === OF_LOG || kind === OF_WITNESS) && material.length === KEY_BYTES + 1 && toHex(hash.slice(0, ID_BYTES)) === id;
  if (!isUsable) throw new Unproved("unusable-key");
  return { name, id, kind, public: material.slice(1) };
}

/** Reads keys, one on each line. */
export const parseKeys = (text: string): Promise<VerifierKey[]> =>
  Promise.all(text.split("\n").map((line) => line.trim()).filter(Boolean).map(parseKey));

/** A key as text, as `parseKey` reads it. */
export const writeKey = ({ name, id, kind, public: bytes }: VerifierKey): string => `${name}+${id}+${toBase64(join(Uint8Array.of(kind), bytes))}`;

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
    const key = keys.find((one) => one.kind === OF_LOG && one.name === name && one.id === id);
    if (!key) continue;
    if (!(await isSignedBy(key, text, value))) throw new Unproved("wrong-signature");
    signer ??= key;
  }
  if (!signer) throw new Unproved("unknown-key");
  return signer;
}

/** Which witnesses cosigned the note, and when by their clocks. One that is unknown says nothing; a wrong cosignature of a known one is refused. */
export async function verifyCosignatures({ text, signatures }: Note, keys: VerifierKey[]): Promise<Cosignature[]> {
  const found: Cosignature[] = [];
  for (const { name, id, value } of signatures) {
    const key = keys.find((one) => one.kind === OF_WITNESS && one.name === name && one.id === id);
    if (!key) continue;
    const seconds = secondsOf(value);
    if (seconds === null || !(await isSignedBy(key, `cosignature/v1\ntime ${seconds}\n${text}`, value.slice(TIME_BYTES)))) throw new Unproved("wrong-cosignature");
    if (!found.some((other) => other.key === key)) found.push({ key, at: new Date(Number(seconds) * 1000).toISOString() });
  }
  return found;
}

/** The time with which a cosignature begins; null for one that has none. */
function secondsOf(value: Bytes): bigint | null {
  if (value.length <= TIME_BYTES) return null;
  const seconds = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
  return seconds <= LATEST_SECONDS ? seconds : null;
}

async function isSignedBy(key: VerifierKey, text: string, signature: Bytes): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, toBytes(text));
}

export const isSameKey = (a: VerifierKey, b: VerifierKey): boolean => a.name === b.name && same(a.public, b.public);
