/** What does not hold, by the sentence of the catalogue `record.unproved.…`. */
export type Reason =
  | "malformed" | "unusable-key" | "unknown-key" | "wrong-signature" | "wrong-cosignature" | "other-log" | "wrong-proof" | "shrunk" | "two-roots" | "other-entry";

/** A checkpoint, a proof or an entry is not what it should be. */
export class Unproved extends Error {
  override readonly name = "Unproved";

  constructor(readonly reason: Reason) {
    super(reason);
  }
}
