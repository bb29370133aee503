import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64, join, toBase64, toBytes, toHex, type Bytes } from "../src/record/proofs/bytes.ts";
import { checkCosignatures, checkEntry, checkGrowth, checkSignature, type Proof, type Server } from "../src/record/proofs/check.ts";
import { openCheckpoint } from "../src/record/proofs/checkpoint.ts";
import { compareEntry } from "../src/record/proofs/entry.ts";
import { parseKeys, sha256 } from "../src/record/proofs/note.ts";
import { leafHash, nodeHash, verifyConsistency, verifyInclusion } from "../src/record/proofs/tree.ts";

/** Answers of a server: two checkpoints of its change log, the proof that one continues the other, and that of an entry. */
type Golden = { keys: string; witnesses?: string; checkpoint: string; newer: string; consistency: string[]; proof: Proof; shown: Record<string, unknown> };
const golden = JSON.parse(readFileSync(new URL("proofs.json", import.meta.url), "utf8")) as Golden;

class Memory {
  values = new Map<string, string>();
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
  removeItem = (name: string) => void this.values.delete(name);
}

const serverOf = (answers: Partial<Golden> = {}): Server => {
  const all = { ...golden, ...answers };
  return {
    checkpoint: () => Promise.resolve(all.checkpoint),
    keys: () => Promise.resolve(all.keys),
    witnesses: () => Promise.resolve(all.witnesses ?? ""),
    consistency: () => Promise.resolve(all.consistency),
    proof: () => Promise.resolve(all.proof),
    shown: () => Promise.resolve(all.shown),
  };
};

/** The text with another letter in the last line but one of what a signature covers. */
const forge = (note: string) => note.replace(/attest\/epoch 0/, "attest/epoch 1");

let entries: string[] = [];
let leaves: Bytes[] = [];
beforeAll(async () => {
  entries = Array.from({ length: 70 }, (_, index) => `entry ${index}`);
  leaves = await Promise.all(entries.map(leafHash));
});

/** The definitions of RFC 6962, as they are written there. */
const split = (size: number) => 2 ** (Math.ceil(Math.log2(size)) - 1);
async function rootOf(found: Bytes[]): Promise<Bytes> {
  if (found.length === 1 && found[0]) return found[0];
  const middle = split(found.length);
  return nodeHash(await rootOf(found.slice(0, middle)), await rootOf(found.slice(middle)));
}
async function pathOf(index: number, found: Bytes[]): Promise<Bytes[]> {
  if (found.length === 1) return [];
  const middle = split(found.length);
  const [left, right] = [found.slice(0, middle), found.slice(middle)];
  return index < middle ? [...(await pathOf(index, left)), await rootOf(right)] : [...(await pathOf(index - middle, right)), await rootOf(left)];
}
async function growthOf(size: number, found: Bytes[], whole = true): Promise<Bytes[]> {
  if (size === found.length) return whole ? [] : [await rootOf(found)];
  const middle = split(found.length);
  const [left, right] = [found.slice(0, middle), found.slice(middle)];
  return size <= middle ? [...(await growthOf(size, left, whole)), await rootOf(right)] : [...(await growthOf(size - middle, right, false)), await rootOf(left)];
}

describe("a checkpoint", () => {
  it("of the server is read once its signature is verified", async () => {
    const checkpoint = await openCheckpoint(golden.checkpoint, await parseKeys(golden.keys), "changes");
    expect(checkpoint).toMatchObject({ origin: "localhost/attest/changes" });
    expect(checkpoint.size).toBeGreaterThan(0);
  });

  it("that was forged is refused", async () => {
    const keys = await parseKeys(golden.keys);
    await expect(openCheckpoint(forge(golden.checkpoint), keys, "changes")).rejects.toMatchObject({ reason: "wrong-signature" });
    const larger = golden.checkpoint.replace(/\n\d+\n/, "\n999999\n");
    await expect(openCheckpoint(larger, keys, "changes")).rejects.toMatchObject({ reason: "wrong-signature" });
  });

  it("of another key, another log or no form is refused", async () => {
    const keys = await parseKeys(golden.keys);
    const stranger = await newKey("localhost/attest/changes");
    await expect(openCheckpoint(golden.checkpoint, await parseKeys(stranger.text), "changes")).rejects.toMatchObject({ reason: "unknown-key" });
    await expect(openCheckpoint(golden.checkpoint, keys, "access")).rejects.toMatchObject({ reason: "other-log" });
    const other = await newKey("elsewhere/attest/changes");
    const moved = await other.sign(`localhost/attest/changes\n1\n${toBase64(new Uint8Array(32))}\n`);
    await expect(openCheckpoint(moved, await parseKeys(other.text), "changes")).rejects.toMatchObject({ reason: "other-log" });
    for (const text of ["", "no note", golden.checkpoint.replace("— ", ""), golden.checkpoint.trimEnd()]) {
      await expect(openCheckpoint(text, keys, "changes")).rejects.toMatchObject({ reason: "malformed" });
    }
  });

  it("is refused with one signature that is wrong, even beside one that is right", async () => {
    const mine = await newKey("localhost/attest/changes");
    const text = `localhost/attest/changes\n1\n${toBase64(new Uint8Array(32))}\n`;
    const good = await mine.sign(text);
    const bad = (await mine.sign(`${text}more\n`)).split("\n\n")[1] ?? "";
    await expect(openCheckpoint(good + bad, await parseKeys(mine.text), "changes")).rejects.toMatchObject({ reason: "wrong-signature" });
  });

  it("needs keys whose id is theirs", async () => {
    await expect(parseKeys(golden.keys.replace(/\+[0-9a-f]{8}\+/, "+00000000+"))).rejects.toMatchObject({ reason: "unusable-key" });
    await expect(parseKeys("no key")).rejects.toMatchObject({ reason: "unusable-key" });
  });
});

describe("a proof of an entry", () => {
  it("holds for every entry of trees of every size, and for no other entry, place or root", async () => {
    for (const size of [1, 2, 3, 7, 8, 9, 33, 64, 70]) {
      const root = await rootOf(leaves.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const path = await pathOf(index, leaves.slice(0, size));
        const leaf = leaves[index] as Bytes;
        await verifyInclusion(index, size, leaf, path, root);
        await expect(verifyInclusion(index, size, await leafHash("another"), path, root)).rejects.toMatchObject({ reason: "wrong-proof" });
        await expect(verifyInclusion(index, size, leaf, [...path, root], root)).rejects.toMatchObject({ reason: "wrong-proof" });
        if (size > 1) await expect(verifyInclusion((index + 1) % size, size, leaf, path, root)).rejects.toMatchObject({ reason: "wrong-proof" });
        if (path.length) await expect(verifyInclusion(index, size, leaf, path.slice(1), root)).rejects.toMatchObject({ reason: "wrong-proof" });
      }
    }
    await expect(verifyInclusion(1, 1, leaves[1] as Bytes, [], leaves[0] as Bytes)).rejects.toMatchObject({ reason: "wrong-proof" });
  });

  it("of the server holds, and not with another hash or another entry", async () => {
    const { proof, shown } = golden;
    const shownOtherwise = { ...shown, entity_id: "another" };
    expect(await checkEntry("changes", proof.seq, serverOf({ shown: shownOtherwise }), new Memory())).toEqual({ holds: false, reason: "other-entry" });
    expect(await checkEntry("changes", proof.seq, serverOf(), new Memory())).toMatchObject({ holds: true });
    const [first = "", ...rest] = proof.path;
    const wrong = { ...proof, path: [toBase64(fromBase64(first).map((byte) => byte ^ 1)), ...rest] };
    expect(await checkEntry("changes", proof.seq, serverOf({ proof: wrong }), new Memory())).toEqual({ holds: false, reason: "wrong-proof" });
    const other = { ...proof, entry: proof.entry.replace("Golden", "Silver") };
    expect(await checkEntry("changes", proof.seq, serverOf({ proof: other }), new Memory())).toEqual({ holds: false, reason: "wrong-proof" });
    const forged = { ...proof, checkpoint: forge(proof.checkpoint) };
    expect(await checkEntry("changes", proof.seq, serverOf({ proof: forged }), new Memory())).toEqual({ holds: false, reason: "wrong-signature" });
  });
});

describe("an entry on the screen", () => {
  const altered = (name: string, change: object) => ({ ...golden.shown, changes: { ...(golden.shown.changes as object), [name]: change } });

  it("is compared field by field with what was sealed", () => {
    expect(compareEntry(golden.shown, golden.proof.entry).agree).toEqual(expect.arrayContaining(["entity_id", "at", "name"]));
    expect(() => compareEntry({ ...golden.shown, entity_id: "another" }, golden.proof.entry)).toThrow("other-entry");
    expect(() => compareEntry(altered("name", { old: null, new: "Silver" }), golden.proof.entry)).toThrow("other-entry");
    expect(() => compareEntry(altered("invented", { old: null, new: "more" }), golden.proof.entry)).toThrow("other-entry");
    expect(() => compareEntry({ ...golden.shown, changes: {} }, golden.proof.entry)).toThrow("other-entry");
  });

  it("says which values nothing can be said about", () => {
    const sealed = JSON.stringify({ changes: { phone: { new: { $personal: "…" } }, plain: { new: { $$odd: 1 } } } });
    expect(compareEntry({ changes: { phone: { old: null, new: "123" }, plain: { old: null, new: { $odd: 1 } } } }, sealed)).toEqual({ agree: ["plain"], hidden: ["phone"] });
  });
});

describe("a log that grew", () => {
  const state = async (size: number) => ({ size, root: await rootOf(leaves.slice(0, size)) });

  it("continues what was seen, for every pair of sizes", async () => {
    for (const size of [2, 3, 8, 13, 33, 70]) {
      for (let before = 1; before < size; before += 1) {
        const path = await growthOf(before, leaves.slice(0, size));
        const [old, now] = [await state(before), await state(size)];
        await verifyConsistency(old, now, path);
        const rewritten = { size: before, root: await leafHash("another") };
        await expect(verifyConsistency(rewritten, now, path)).rejects.toMatchObject({ reason: "wrong-proof" });
        await expect(verifyConsistency(old, { ...now, root: old.root }, path)).rejects.toMatchObject({ reason: "wrong-proof" });
        await expect(verifyConsistency(old, now, path.slice(0, -1))).rejects.toMatchObject({ reason: "wrong-proof" });
      }
    }
  });

  it("is not one that shrank, or that has two roots at one size", async () => {
    await expect(verifyConsistency(await state(9), await state(8), [])).rejects.toMatchObject({ reason: "shrunk" });
    await expect(verifyConsistency(await state(9), { size: 9, root: await leafHash("another") }, [])).rejects.toMatchObject({ reason: "two-roots" });
    await verifyConsistency(await state(9), await state(9), []);
  });

  it("is compared with what this browser saw last, which it keeps when a check fails", async () => {
    const store = new Memory();
    const visit = async (answers: Partial<Golden>) => {
      const signed = await checkSignature("changes", serverOf(answers), store);
      return signed.holds ? checkGrowth("changes", signed.found.checkpoint, serverOf(answers), store) : signed;
    };
    expect(await visit({})).toMatchObject({ holds: true, found: { before: null } });
    const kept = new Map(store.values);
    expect(await visit({ checkpoint: golden.newer, consistency: golden.consistency.toReversed() })).toEqual({ holds: false, reason: "wrong-proof" });
    expect(store.values).toEqual(kept);
    expect(await visit({ checkpoint: golden.newer })).toMatchObject({ holds: true });
    expect(await visit({})).toEqual({ holds: false, reason: "shrunk" });
  });

  it("cannot bring a key of its own", async () => {
    const store = new Memory();
    await checkSignature("changes", serverOf(), store);
    const stranger = await newKey("localhost/attest/changes");
    const checkpoint = await stranger.sign(golden.checkpoint.split("\n\n")[0] + "\n");
    expect(await checkSignature("changes", serverOf({ checkpoint, keys: stranger.text }), store)).toEqual({ holds: false, reason: "unknown-key" });
  });
});

describe("cosignatures of witnesses", () => {
  const at = 1_900_000_000n;
  const check = (note: string, witnesses: string, store = new Memory()) => checkCosignatures("changes", note, serverOf({ witnesses }), store);
  const lineOf = (note: string) => note.split("\n").at(-2) ?? "";

  it("hold where a known witness signed this checkpoint, with its time", async () => {
    const [first, second] = [await newWitness("witness.example/1"), await newWitness("witness.example/2")];
    const note = golden.checkpoint + (await first.cosign(golden.checkpoint, at));
    const step = await check(note, first.text + second.text);
    expect(step).toMatchObject({ holds: true, found: { by: [{ key: { name: "witness.example/1" }, at: "2030-03-17T17:46:40.000Z" }], silent: ["witness.example/2"] } });
    expect(await check(golden.checkpoint, "")).toEqual({ holds: true, found: { by: [], silent: [] } });
  });

  it("are refused where they are of another text, another time or another witness", async () => {
    const witness = await newWitness("witness.example/1");
    const other = await newWitness("witness.example/1");
    const good = await witness.cosign(golden.checkpoint, at);
    const [, , encoded = ""] = good.trim().split(" ");
    const bytes = fromBase64(encoded);
    const lineWith = (changed: Bytes) => `— witness.example/1 ${toBase64(changed)}\n`;
    const later = bytes.map((byte, index) => (index === 11 ? byte ^ 1 : byte));
    const renamed = join(bytes.slice(0, 4), fromBase64((await other.cosign(golden.checkpoint, at)).trim().split(" ")[2] ?? "").slice(4));
    const wrong = [await witness.cosign(golden.newer, at), lineWith(later), lineWith(renamed), lineWith(bytes.slice(0, 12)), lineWith(bytes.slice(0, 40)), await witness.cosign(golden.checkpoint, 2n ** 64n - 1n)];
    for (const line of wrong) expect(await check(golden.checkpoint + line, witness.text)).toEqual({ holds: false, reason: "wrong-cosignature" });
    expect(await check(golden.checkpoint + good + lineWith(later), witness.text)).toEqual({ holds: false, reason: "wrong-cosignature" });
  });

  it("of strangers, and of the key of the log as if it were a witness, say nothing", async () => {
    const [witness, stranger] = [await newWitness("witness.example/1"), await newWitness("witness.example/9")];
    const silent = { holds: true, found: { by: [], silent: ["witness.example/1"] } };
    expect(await check(golden.checkpoint + (await stranger.cosign(golden.checkpoint, at)), witness.text)).toEqual(silent);
    expect(await check(golden.checkpoint, witness.text + golden.keys)).toEqual(silent);
    expect(await check(`${golden.checkpoint}${lineOf(golden.checkpoint)}\n`, witness.text)).toEqual(silent);
  });

  it("do not make a checkpoint the log's own", async () => {
    const witness = await newWitness("localhost/attest/changes");
    const forged = (golden.checkpoint.split("\n\n")[0] ?? "") + "\n";
    const note = `${forged}\n${await witness.cosign(golden.checkpoint, at)}`;
    expect(await checkSignature("changes", serverOf({ checkpoint: note, keys: witness.text }), new Memory())).toEqual({ holds: false, reason: "unknown-key" });
  });

  it("are believed of keys that this browser saw first, and of new names", async () => {
    const [first, imposter, second] = [await newWitness("witness.example/1"), await newWitness("witness.example/1"), await newWitness("witness.example/2")];
    const store = new Memory();
    await check(golden.checkpoint + (await first.cosign(golden.checkpoint, at)), first.text, store);
    const note = golden.checkpoint + (await imposter.cosign(golden.checkpoint, at)) + (await second.cosign(golden.checkpoint, at));
    expect(await check(note, imposter.text + second.text, store)).toMatchObject({ holds: true, found: { by: [{ key: { name: "witness.example/2" } }], silent: ["witness.example/1"] } });
    expect(await check(golden.checkpoint, "", store)).toMatchObject({ found: { silent: ["witness.example/1", "witness.example/2"] } });
  });

  it("need keys whose id is theirs, of a type that is known", async () => {
    const { text } = await newWitness("witness.example/1");
    expect(await check(golden.checkpoint, text.replace(/\+[0-9a-f]{8}\+/, "+00000000+"))).toEqual({ holds: false, reason: "unusable-key" });
    expect(await check(golden.checkpoint, (await newKey("witness.example/1", 7)).text)).toEqual({ holds: false, reason: "unusable-key" });
  });
});

/** A new witness: its key as text, and a function that makes the line with its cosignature of a note. */
async function newWitness(name: string) {
  const { text, signText, lineOf } = await newKey(name, 4);
  const cosign = async (note: string, seconds: bigint) => {
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, seconds);
    const covered = note.slice(0, note.lastIndexOf("\n\n") + 1);
    return lineOf(join(time, await signText(`cosignature/v1\ntime ${seconds}\n${covered}`)));
  };
  return { text, cosign };
}

/** A new key: as text, and a function that makes a signed note. */
async function newKey(name: string, kind = 1) {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const material = join(Uint8Array.of(kind), new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const id = (await sha256(join(toBytes(`${name}\n`), material))).slice(0, 4);
  const signText = async (text: string): Promise<Bytes> => new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, toBytes(text)));
  const lineOf = (signature: Bytes) => `— ${name} ${toBase64(join(id, signature))}\n`;
  const sign = async (text: string) => `${text}\n${lineOf(await signText(text))}`;
  return { text: `${name}+${toHex(id)}+${toBase64(material)}\n`, sign, signText, lineOf };
}
