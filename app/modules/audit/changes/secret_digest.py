"""Digests of secrets in the change log, which show that a secret changed and where it is the same, never what it is."""

import json

from app.core.security import base64url
from app.core.security.encryption import keyed_hash
from app.modules.audit.changes.place import Place
from app.modules.audit.entries.canonical import canonical_value

DIGEST_BYTES = 16
"""128 bits are out of reach of guesses, since only the holder of the key can compute a digest; entries are for ever."""

ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def secret_digest(key: bytes, place: Place, value: object) -> str:
    """The digest of `value` in its place: 22 characters of base64url. Equal values elsewhere have other digests.

    It is comparable for as long as `key` stays the same, so its encoding must never change.
    """
    message = ENCODER.encode([*place, canonical_value(value)])
    return base64url.encode(keyed_hash(key, message.encode())[:DIGEST_BYTES])
