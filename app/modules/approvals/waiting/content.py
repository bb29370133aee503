"""What is kept of the request for a change that waits."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson

from app.core.security.encryption import decrypt, encrypt
from app.core.security.keys import Keys


class Content(NamedTuple):
    """What of a request is kept, encrypted, until it is decided."""

    query: str
    headers: dict[str, str]
    body: bytes

    def encrypt(self, keys: Keys, id: UUID) -> bytes:
        """The text of it, for the approval `id`."""
        head = orjson.dumps([self.query, self.headers])
        return encrypt(keys.responses, head + b"\n" + self.body, id.bytes)

    @classmethod
    def decrypt(cls, keys: Keys, id: UUID, text: bytes) -> "Content":
        head, _, body = decrypt(keys.responses, text, id.bytes).partition(b"\n")
        query, headers = orjson.loads(head)
        return cls(query, headers, body)


@dataclass(frozen=True)
class Origin:
    """The request whose change is to wait."""

    method: str
    path: str
    content: Content
