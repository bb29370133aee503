"""Secrets of the second factor as they are stored: encrypted for their user, or as a keyed hash."""

import hashlib
import hmac
import secrets
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(key: bytes, user_id: UUID, secret: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, user_id.bytes)


def unseal(key: bytes, user_id: UUID, sealed: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], user_id.bytes)


def digest(key: bytes, code: str) -> str:
    """A recovery code as it is stored; typed in capitals it is the same."""
    return hmac.new(key, code.strip().lower().encode("utf-8", "replace"), hashlib.sha256).hexdigest()
