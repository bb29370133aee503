"""Secrets of webhooks: made by this application, shown once, and stored encrypted."""

import secrets
from base64 import b64encode
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.core.security.encryption import decrypt, encrypt
from app.core.security.keys import Keys

PREFIX = "whsec_"
SECRET_BYTES = 32


class Signed(Protocol):
    """A webhook, loaded or read."""

    id: UUID
    secret: bytes
    old_secret: bytes | None
    rolled_until: datetime | None


def new_secret() -> str:
    """A random secret, in the form of Standard Webhooks."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt_secret(keys: Keys, webhook_id: UUID, secret: str) -> bytes:
    """A secret as it is stored, bound to its webhook."""
    return encrypt(keys.webhook, secret.encode(), place_of(webhook_id))


def secrets_of(keys: Keys, row: Signed, at: datetime) -> list[str]:
    """The secrets that sign at an instant: the present one, and the old one while it is rolled.

    Raises DecryptionFailed where one was altered, or the key is another.
    """
    stored = [row.secret]
    if row.old_secret is not None and row.rolled_until is not None and at < row.rolled_until:
        stored.append(row.old_secret)
    return [decrypt(keys.webhook, each, place_of(row.id)).decode() for each in stored]


def place_of(webhook_id: UUID) -> bytes:
    """What a secret is bound to."""
    return f"webhook\n{webhook_id}".encode()
