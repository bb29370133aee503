"""The request with which a log asks a witness for a cosignature (C2SP tlog-witness, `add-checkpoint`)."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Self

from app.modules.audit.seal.note import MAX_NOTE_BYTES, InvalidNote, Note, decode_base64
from app.modules.audit.seal.tree import HASH_BYTES, MAX_SIZE

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
"""The media type of a refusal (409) with the size that the witness cosigned last."""
MAX_HASHES = 63
HASH_LINE_BYTES = 45
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + (MAX_HASHES + 1) * HASH_LINE_BYTES
SIZE_TEXT = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class InvalidRequest(ValueError):
    """A request is not written as the protocol says."""


@dataclass(frozen=True)
class AddCheckpoint:
    """A signed checkpoint, and the proof that it is consistent with the one of `old_size`, which the witness has."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    def __bytes__(self) -> bytes:
        hashes = "".join(f"{b64encode(value).decode()}\n" for value in self.proof)
        return f"old {self.old_size}\n{hashes}\n".encode() + bytes(self.note)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request. Raises InvalidRequest."""
        head, _, note = data.partition(b"\n\n")
        try:
            first, *hashes = head.decode("ascii").split("\n")
            if not first.startswith("old ") or len(hashes) > MAX_HASHES:
                raise InvalidRequest(f"a request begins with `old SIZE` and at most {MAX_HASHES} hashes")
            return cls(parse_size(first.removeprefix("old ")), tuple(map(parse_hash, hashes)), Note.parse(note))
        except UnicodeDecodeError as error:
            raise InvalidRequest("a request begins with ASCII") from error
        except InvalidNote as error:
            raise InvalidRequest(str(error)) from error


def parse_size(text: str) -> int:
    """Read the size of a tree. Raises InvalidRequest."""
    if not SIZE_TEXT.fullmatch(text) or int(text) > MAX_SIZE:
        raise InvalidRequest("a size is a decimal number without leading zeros")
    return int(text)


def parse_hash(line: str) -> bytes:
    value = decode_base64(line)
    if len(value) != HASH_BYTES:
        raise InvalidRequest(f"a hash has {HASH_BYTES} bytes")
    return value
