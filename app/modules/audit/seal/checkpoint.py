"""Checkpoints of a log (C2SP tlog-checkpoint) and their cosignatures by witnesses (C2SP tlog-cosignature)."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct
from typing import ClassVar, Self

from app.core.clock import now
from app.modules.audit.seal.note import InvalidNote, Note, Signer, Unverified, VerifierKey, decode_base64
from app.modules.audit.seal.tree import HASH_BYTES, MAX_SIZE

AT, EPOCH = "attest/time ", "attest/epoch "
"""Begin our own extension lines."""
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
LINES = 3
TIMESTAMP = Struct(">Q")
MAX_TIMESTAMP = 2**63 - 1


class InvalidCheckpoint(InvalidNote):
    """A text is not that of a checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """The root of a log at a size. Raises InvalidCheckpoint for one that could not be read again."""

    origin: str
    """The name of the log, unique among all logs."""
    size: int
    root: bytes
    at: datetime | None = None
    """When the log made it, by its own clock."""
    epoch: int | None = None
    """The number of the epoch of the log, from 0."""
    extensions: tuple[str, ...] = ()
    """Further lines, which only the log understands."""

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES or (self.epoch or 0) < 0:
            raise InvalidCheckpoint("a size, a root or an epoch is out of range")
        lines = (self.origin, *self.extensions)
        if not all(lines) or any("\n" in line for line in lines):
            raise InvalidCheckpoint("a checkpoint consists of lines that are not empty")
        if any(line.startswith((AT, EPOCH)) for line in self.extensions):
            raise InvalidCheckpoint("time and epoch stand once each, in this order, before other extensions")

    @property
    def text(self) -> str:
        """The text of its note."""
        own = [] if self.at is None else [AT + self.at.astimezone(UTC).strftime(TIME_FORMAT)]
        own += [] if self.epoch is None else [f"{EPOCH}{self.epoch}"]
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *own, *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note. Raises InvalidNote for every spelling but that of `text`."""
        lines = text.split("\n")
        if lines.pop() or len(lines) < LINES:
            raise InvalidCheckpoint("a checkpoint has three lines at least, each with its end")
        origin, size, root, *rest = lines
        at, epoch = take(rest, AT), take(rest, EPOCH)
        try:
            checkpoint = cls(
                origin=origin,
                size=int(size),
                root=decode_base64(root),
                at=None if at is None else datetime.strptime(at, TIME_FORMAT).replace(tzinfo=UTC),
                epoch=None if epoch is None else int(epoch),
                extensions=tuple(rest),
            )
        except InvalidNote:
            raise
        except ValueError as error:
            raise InvalidCheckpoint("a number or a time of a checkpoint is none") from error
        if checkpoint.text != text:
            raise InvalidCheckpoint("a line of a checkpoint is not written as it has to be")
        return checkpoint


def take(lines: list[str], prefix: str) -> str | None:
    """Remove the first line if it begins with `prefix`, and return the rest of it."""
    return lines.pop(0).removeprefix(prefix) if lines and lines[0].startswith(prefix) else None


def open_checkpoint(note: Note, keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that one of `keys` signed. Raises InvalidNote; Unverified where none did."""
    note.verify(keys)
    return Checkpoint.parse(note.text)


@dataclass(frozen=True)
class CosignerKey(VerifierKey):
    """A named public key for cosignatures of checkpoints (type 0x04, `cosignature/v1`)."""

    kind: ClassVar[int] = 0x04

    def verify(self, text: str, signature: bytes) -> None:
        """Raises Unverified unless this key cosigned the checkpoint `text` at the time that the signature says."""
        self.verify_bytes(cosigned_message(text, cosigned_at(signature)), signature[TIMESTAMP.size :])


class Cosigner(Signer):
    """The private key of a witness. Its signature of a checkpoint is a cosignature, with the time of the witness."""

    key_type = CosignerKey
    key: CosignerKey

    def sign_text(self, text: str) -> bytes:
        timestamp = int(now().timestamp())
        return TIMESTAMP.pack(timestamp) + self.sign_bytes(cosigned_message(text, timestamp))


def cosigned_message(text: str, timestamp: int) -> bytes:
    """What a cosignature signs."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def cosigned_at(signature: bytes) -> int:
    """The time of a cosignature, in seconds since 1970. Raises Unverified where there is none."""
    if len(signature) <= TIMESTAMP.size:
        raise Unverified("a cosignature begins with its time")
    timestamp: int = TIMESTAMP.unpack_from(signature)[0]
    if timestamp > MAX_TIMESTAMP:
        raise Unverified("the time of a cosignature is out of range")
    return timestamp
