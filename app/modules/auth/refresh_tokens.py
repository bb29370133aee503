"""Refresh tokens: opaque, bound to (session, counter), and never stored in a form that could be used."""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from app.core.security import canonical

PREFIX = "rt_"
LAYOUT = struct.Struct(">16sQ32s")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token as presented; only `is_genuine` tells whether we made it."""

    session_id: UUID
    counter: int
    mac: bytes

    def is_genuine(self, key: bytes, seed: bytes) -> bool:
        return hmac.compare_digest(self.mac, mac_of(key, seed, self.session_id, self.counter))


def mac_of(key: bytes, seed: bytes, session_id: UUID, counter: int) -> bytes:
    """Takes both the process's key and the session's seed: neither a database dump nor the key alone makes a token."""
    return hmac.digest(key, seed + session_id.bytes + counter.to_bytes(8, "big"), hashlib.sha256)


def issue(key: bytes, seed: bytes, session_id: UUID, counter: int) -> str:
    raw = LAYOUT.pack(session_id.bytes, counter, mac_of(key, seed, session_id, counter))
    return PREFIX + urlsafe_b64encode(raw).rstrip(b"=").decode()


def parse(token: str) -> RefreshToken | None:
    """The parts of a well-formed token, else None."""
    if not token.startswith(PREFIX):
        return None
    try:
        session, counter, mac = LAYOUT.unpack(canonical(token.removeprefix(PREFIX)))
    except (ValueError, struct.error):
        return None
    return RefreshToken(UUID(bytes=session), counter, mac)
