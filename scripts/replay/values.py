"""The documented forms of values in the change log, written down a second time: canonical, encrypted, digests."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES, DIGEST_BYTES = 12, 16
UNKNOWN = {"$unknown": True}
"""What cannot be decrypted."""


def derive_key(secret: str, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, None, f"attest/{purpose}".encode()).derive(secret.encode())


def open_box(key: bytes, box: bytes, context: bytes) -> bytes:
    """The plaintext of nonce and ciphertext (AES-256-GCM)."""
    return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], context)


@dataclass(frozen=True)
class Secrets:
    """The settings of the server under which values are encrypted or digested."""

    personal: str = field(repr=False)
    digest: str = field(repr=False)

    def open_keys(self, rows: list[Mapping[str, Any]]) -> dict[str, bytes]:
        """The keys of people by their ids, from the rows of `audit_subject_key`."""
        master = derive_key(self.personal, "personal-data")
        return {
            str(row["id"]): open_box(master, base64.b64decode(row["wrapped_key"]), UUID(str(row["id"])).bytes)
            for row in rows
        }

    def digest_of(self, entity: str, entity_id: str, column: str, value: Any) -> dict[str, str]:
        """What an entry must hold of a secret."""
        message = json.dumps([entity, entity_id, column, value], sort_keys=True, separators=(",", ":"))
        mac = hmac.digest(derive_key(self.digest, "secret-digest"), message.encode(), hashlib.sha256)
        return {"$secret": base64.urlsafe_b64encode(mac[:DIGEST_BYTES]).rstrip(b"=").decode()}


def canonical(value: Any) -> Any:
    """A value of the database as the change log writes it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (UUID, date)):
        return str(value)
    return value


def plain(side: Any, place: tuple[str, str, str], keys: Mapping[str, bytes]) -> Any:
    """A value of an entry without what the change log did to it; the digest of a secret stays."""
    if isinstance(side, dict) and side.keys() == {"$personal", "$key"}:
        try:
            return json.loads(
                open_box(keys[side["$key"]], base64.b64decode(side["$personal"]), "/".join(place).encode())
            )
        except (KeyError, InvalidTag):
            return UNKNOWN
    return drop_dollars(side)


def drop_dollars(value: Any) -> Any:
    """A document with the names that it had: those that begin with `$` got another one."""
    if isinstance(value, dict):
        return {name[1:] if name.startswith("$$") else name: drop_dollars(item) for name, item in value.items()}
    return [drop_dollars(item) for item in value] if isinstance(value, list) else value


def is_same(stored: Any, logged: Any) -> bool:
    """Whether both are equal in value and type. A decimal is logged as a string, with or without zeros at its end."""
    if isinstance(stored, Decimal):
        return isinstance(logged, str) and Decimal(logged) == stored
    return type(stored) is type(logged) and bool(stored == logged)
