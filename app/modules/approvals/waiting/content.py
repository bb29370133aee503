"""What is kept of the request for a change that waits."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

import orjson

from app.core.security.encryption import decrypt, encrypt
from app.core.security.keys import Keys


class Addressed(Protocol):
    """An approval, loaded or read."""

    id: UUID
    requester_id: UUID
    method: str
    path: str


def place_of(row: Addressed) -> bytes:
    """What a content is bound to."""
    return f"{row.id}\n{row.requester_id}\n{row.method}\n{row.path}".encode()


class Content(NamedTuple):
    """What of a request is kept, encrypted, until it is decided."""

    query: str
    headers: dict[str, str]
    body: bytes

    def encrypt(self, keys: Keys, row: "Addressed") -> bytes:
        """The text of it, which is that of this approval only, by this user, for this address."""
        head = orjson.dumps([self.query, self.headers])
        return encrypt(keys.responses, head + b"\n" + self.body, place_of(row))

    @classmethod
    def decrypt(cls, keys: Keys, row: "Addressed", text: bytes) -> "Content":
        """The content of an approval. Raises DecryptionFailed for one whose columns were altered."""
        head, _, body = decrypt(keys.responses, text, place_of(row)).partition(b"\n")
        query, headers = orjson.loads(head)
        return cls(query, headers, body)


@dataclass(frozen=True)
class Origin:
    """The request whose change is to wait."""

    method: str
    path: str
    content: Content
