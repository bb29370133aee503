"""Refresh tokens: opaque, bound to (session, generation), and never stored in a form that could be used."""

import struct
from dataclasses import dataclass
from uuid import UUID

from app.core.security import base64url
from app.core.security.encryption import is_equal, keyed_hash

PREFIX = "rt_"
LAYOUT = struct.Struct(">16sQ32s")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A parsed token. Only `is_genuine` tells whether we issued it."""

    session_id: UUID
    generation: int
    mac: bytes

    def is_genuine(self, key: bytes, seed: bytes) -> bool:
        return is_equal(self.mac, mac_of(key, seed, self.session_id, self.generation))


def mac_of(key: bytes, seed: bytes, session_id: UUID, generation: int) -> bytes:
    """The MAC of a token. It takes key and seed, so that neither a database dump nor the key alone is enough."""
    return keyed_hash(key, seed + session_id.bytes + generation.to_bytes(8, "big"))


def issue(key: bytes, seed: bytes, session_id: UUID, generation: int) -> str:
    """The refresh token of this generation."""
    raw = LAYOUT.pack(session_id.bytes, generation, mac_of(key, seed, session_id, generation))
    return PREFIX + base64url.encode(raw)


def parse(token: str) -> RefreshToken | None:
    """The parts of a well-formed token, else None."""
    if not token.startswith(PREFIX):
        return None
    try:
        session, generation, mac = LAYOUT.unpack(base64url.decode(token.removeprefix(PREFIX)))
    except (ValueError, struct.error):
        return None
    return RefreshToken(UUID(bytes=session), generation, mac)
