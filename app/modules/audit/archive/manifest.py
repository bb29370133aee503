"""The manifest of an archived month: what its file holds, and the signature of it by the key of the log."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Self

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from app.modules.audit.seal.note import Note, Signer, Unverified, VerifierKey, sign_note
from app.modules.audit.sealer.logs import Log

NAME_DIGITS = 16
"""So many digits of the hash are in the names of files, so that no other file has the name of a recorded one."""


class InvalidManifest(ValueError):
    """A file is no manifest."""


class ArchiveFile(BaseModel):
    """A file of an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What is archived of one month of a log. The month of a first partition has everything before it, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    log: Log
    month: str
    start: datetime | None
    """The entries were stored from here on; null: from the beginning on."""
    end: datetime
    """And before this instant."""
    count: int
    first_seq: int
    last_seq: int
    first_id: int
    last_id: int
    first_at: datetime
    last_at: datetime
    ranges: tuple[tuple[int, int], ...]
    """The first and last place of each group of entries whose places are in a row."""
    root: str
    """The root of a Merkle tree (RFC 9162) over these entries alone, in their order, in hexadecimal."""
    checkpoint: str
    """A checkpoint of the log that covers them."""
    file: ArchiveFile
    """The Parquet file: `seq`, `id`, `at`, `stored_at` and the canonical bytes of the `entry`."""
    json_gz: ArchiveFile | None = None
    """The same as JSON, one entry on each line."""
    note: str | None = None
    """The signature of all of this; null where the process that archived had no key."""

    @property
    def name(self) -> str:
        """The name of its own file."""
        return f"{self.log}-{self.month}-{self.file.sha256[:NAME_DIGITS]}.json"

    def __bytes__(self) -> bytes:
        """The content of its file."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"

    @property
    def digest(self) -> str:
        """The SHA-256 of everything that is signed, as JSON with sorted names and without white space."""
        document = self.model_dump(mode="json", exclude={"note"})
        return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a manifest. Raises InvalidManifest."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise InvalidManifest(f"no manifest of an archive: {error.error_count()} fields are wrong") from error

    def sign(self, signers: Sequence[Signer]) -> Self:
        """The manifest with a signature of the first of `signers`, if there is one."""
        if not signers:
            return self
        note = sign_note(f"{signers[0].key.name}\narchive {self.digest}\n", signers[0])
        return self.model_copy(update={"note": bytes(note).decode()})

    def verify(self, keys: Iterable[VerifierKey]) -> None:
        """Raise InvalidNote unless one of `keys` signed it; one without a signature says nothing false."""
        if self.note is None:
            return
        note = Note.parse(self.note.encode())
        note.verify(keys)
        if note.text.split("\n")[1] != f"archive {self.digest}":
            raise Unverified("it is not what was signed")

    def has(self, seq: int) -> bool:
        """Whether the entry at a place is in the archive."""
        return any(first <= seq <= last for first, last in self.ranges)
