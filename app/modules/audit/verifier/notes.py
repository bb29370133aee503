"""Verifies notes: who signed them, and whether checkpoints follow each other as they have to."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.modules.audit.seal.checkpoint import Checkpoint, CosignerKey
from app.modules.audit.seal.note import InvalidNote, Note, Signature, UnusableKey, Unverified, VerifierKey


class Untrusted(InvalidNote):
    """A note is signed, but by no key that is trusted."""


class Signatures:
    """The keys of a log. Those that were given are trusted, and no others.

    Where none was given, the key of the first checkpoint is trusted, and each that signed together with a trusted one.
    """

    def __init__(self, stored: Iterable[VerifierKey], given: Iterable[VerifierKey]) -> None:
        self.trusted = {(key.name, key.id): key for key in given}
        self.are_given = bool(self.trusted)
        self.known = {**{(key.name, key.id): key for key in stored}, **self.trusted}

    def open(self, note: Note) -> Checkpoint:
        """The checkpoint of a note. Raises InvalidNote; Untrusted where a valid signature is not trusted."""
        verified = {(each.name, each.id) for each in note.verify(self.known.values())}
        if not self.trusted:
            self.trusted = {each: self.known[each] for each in verified}
        if not verified & self.trusted.keys():
            raise Untrusted("it is signed by a key that no trusted key has signed together with")
        if not self.are_given:
            self.trusted |= {each: self.known[each] for each in verified}
        return Checkpoint.parse(note.text)


class Trail:
    """The checkpoints of a log, one after the other: neither time nor epoch goes back."""

    def __init__(self, signatures: Signatures) -> None:
        self.signatures = signatures
        self.at: datetime | None = None
        self.epoch = 0

    def follow(self, text: str, size: int) -> Checkpoint:
        """The next checkpoint. Raises InvalidNote where it is not signed, or does not follow the one before."""
        checkpoint = self.signatures.open(Note.parse(text.encode()))
        if checkpoint.size != size:
            raise InvalidNote(f"it is stored as one of {size} entries")
        if (self.at and checkpoint.at and checkpoint.at < self.at) or (checkpoint.epoch or 0) < self.epoch:
            raise InvalidNote("its time or epoch is before that of a smaller one")
        self.at, self.epoch = checkpoint.at or self.at, checkpoint.epoch or 0
        return checkpoint


def check_cosignature(text: str, witness: str, signature: str) -> None:
    """Raise InvalidNote unless `signature` is a cosignature of the note by the witness with this key."""
    try:
        key = CosignerKey.parse(witness)
    except UnusableKey as error:
        raise Unverified(str(error)) from error
    Note.parse(text.encode()).add(Signature.parse(signature)).verify([key])


def sort_notes(notes: Sequence[Note], origins: Iterable[str]) -> tuple[dict[str, list[Note]], list[str]]:
    """Notes by their origins, and what is wrong with those that are of none of these."""
    sorted_notes: dict[str, list[Note]] = {origin: [] for origin in origins}
    strangers = []
    for note in notes:
        origin = note.text.partition("\n")[0]
        if origin in sorted_notes:
            sorted_notes[origin].append(note)
        else:
            strangers.append(f"a given checkpoint is of another log, {origin}")
    return sorted_notes, strangers


def size_of(note: Note) -> int:
    """The size of the checkpoint in a note."""
    return Checkpoint.parse(note.text).size
