"""What a job is about: encrypted while it is kept, and bound to that job."""

from typing import Protocol
from uuid import UUID

from app.core.security.encryption import decrypt, encrypt
from app.core.security.keys import Keys


class Addressed(Protocol):
    """A job, loaded or read."""

    id: UUID
    kind: str


def place_of(row: Addressed) -> bytes:
    """What a content is bound to."""
    return f"job\n{row.id}\n{row.kind}".encode()


def encrypt_content(keys: Keys, row: Addressed, content: bytes) -> bytes:
    """What a job is about, as it is stored."""
    return encrypt(keys.responses, content, place_of(row))


def decrypt_content(keys: Keys, row: Addressed, stored: bytes) -> bytes:
    """What a job is about. Raises DecryptionFailed where it was altered, or the key is another."""
    return decrypt(keys.responses, stored, place_of(row))
