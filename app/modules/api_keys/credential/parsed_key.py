"""The form of an API key: `ak_<prefix>_<secret>`. The prefix identifies it and may be shown; the secret proves it."""

import re
import secrets
from dataclasses import dataclass

from app.core.db.session import AnyRow
from app.core.fields.ip_address import is_in_networks
from app.core.security.encryption import is_equal, keyed_hash

PREFIX = "ak_"
FORM = re.compile(r"ak_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
PREFIX_LENGTH = 12
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A well-formed key. Only `verify` tells whether it is valid."""

    prefix: str
    secret: str

    def hash(self, key: bytes) -> str:
        """The keyed hash of the secret, as it is stored."""
        return keyed_hash(key, self.secret.encode()).hex()

    def __str__(self) -> str:
        return f"{PREFIX}{self.prefix}_{self.secret}"

    def __repr__(self) -> str:
        return f"ParsedKey({self.prefix})"


def generate() -> ParsedKey:
    """A new random key."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
    return ParsedKey(prefix, secrets.token_urlsafe(SECRET_BYTES))


def parse(token: str) -> ParsedKey | None:
    """The parts of a well-formed key, else None."""
    match = FORM.fullmatch(token)
    return ParsedKey(match[1], match[2]) if match else None


def verify(row: AnyRow, presented: ParsedKey, key: bytes, ip: str | None) -> bool:
    """Whether `presented` is the key of `row` (columns `key_…`) and may be used from `ip`."""
    if not is_equal(row.key_secret_hash.encode(), presented.hash(key).encode()):
        return False
    return not row.key_allowed_addresses or is_in_networks(ip, row.key_allowed_addresses)
