"""Base64url without padding (RFC 4648, section 5)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode `text`. Raises ValueError for every spelling but the canonical one (unused bits, padding, white space)."""
    if not ALPHABET.fullmatch(text):
        raise ValueError("base64url")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(raw) != text:
        raise ValueError("base64url")
    return raw
