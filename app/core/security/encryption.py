"""Authenticated encryption (AES-256-GCM) and keyed hashes (HMAC-SHA-256)."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BITS = 256
NONCE_BYTES = 12


class DecryptionFailed(ValueError):
    """The key is wrong, or the ciphertext was altered or belongs to another context."""


def new_key() -> bytes:
    """A random 256-bit key."""
    return AESGCM.generate_key(KEY_BITS)


def encrypt(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Nonce and ciphertext. `context` names the place of the value, which cannot be decrypted for another place."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def decrypt(key: bytes, ciphertext: bytes, context: bytes) -> bytes:
    """The plaintext of `encrypt`. Raises DecryptionFailed."""
    try:
        return AESGCM(key).decrypt(ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise DecryptionFailed from error


def keyed_hash(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104): 32 bytes that cannot be computed without `key`."""
    return hmac.digest(key, message, hashlib.sha256)


def is_equal(left: bytes, right: bytes) -> bool:
    """Whether both are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)
