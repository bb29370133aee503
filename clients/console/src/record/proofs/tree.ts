// Proofs of a Merkle tree (RFC 6962, RFC 9162 2.1.3.2 and 2.1.4.2). Positions can exceed 32 bits: no bit operators.
import { join, same, toBytes, type Bytes } from "./bytes.ts";
import { sha256 } from "./note.ts";
import { Unproved } from "./unproved.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (entry: string): Promise<Bytes> => sha256(join(LEAF, toBytes(entry)));
export const nodeHash = (left: Bytes, right: Bytes): Promise<Bytes> => sha256(join(NODE, left, right));

const half = (position: number) => Math.floor(position / 2);
const isRight = (position: number) => position % 2 === 1;

function check(holds: boolean): void {
  if (!holds) throw new Unproved("wrong-proof");
}

/** Goes up from a node that has no sibling at its right, until it has one at its left. */
function climb(position: number, last: number): [number, number] {
  let [at, end] = [position, last];
  while (at && !isRight(at)) [at, end] = [half(at), half(end)];
  return [at, end];
}

/** Verifies that a tree of `size` leaves with this root has the leaf `index`. */
export async function verifyInclusion(index: number, size: number, leaf: Bytes, path: Bytes[], root: Bytes): Promise<void> {
  check(index >= 0 && index < size);
  let [position, last, found] = [index, size - 1, leaf];
  for (const sibling of path) {
    check(last !== 0);
    if (isRight(position) || position === last) {
      found = await nodeHash(sibling, found);
      [position, last] = climb(position, last);
    } else {
      found = await nodeHash(found, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  check(last === 0 && same(found, root));
}

type State = { size: number; root: Bytes };
const isPowerOfTwo = (size: number) => Number.isInteger(Math.log2(size)) && 2 ** Math.log2(size) === size;

/** Verifies that the tree `now` begins with the tree `before`, which is not empty. */
export async function verifyConsistency(before: State, now: State, path: Bytes[]): Promise<void> {
  if (now.size < before.size) throw new Unproved("shrunk");
  if (now.size === before.size) {
    if (!same(now.root, before.root)) throw new Unproved("two-roots");
    return check(!path.length);
  }
  check(before.size > 0 && path.length > 0);
  const [first, ...rest] = isPowerOfTwo(before.size) ? [before.root, ...path] : path;
  if (first) await verifyGrowth(before, now, first, rest);
}

async function verifyGrowth(before: State, now: State, first: Bytes, rest: Bytes[]): Promise<void> {
  let [position, last] = [before.size - 1, now.size - 1];
  while (isRight(position)) [position, last] = [half(position), half(last)];
  let [old, found] = [first, first];
  for (const sibling of rest) {
    check(last !== 0);
    if (isRight(position) || position === last) {
      old = await nodeHash(sibling, old);
      found = await nodeHash(sibling, found);
      [position, last] = climb(position, last);
    } else {
      found = await nodeHash(found, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  check(last === 0 && same(old, before.root) && same(found, now.root));
}
