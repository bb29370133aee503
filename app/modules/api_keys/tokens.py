"""The form of a key: `ak_<prefix>_<secret>`. The prefix finds the row and may be shown; the secret opens it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

PREFIX = "ak_"
FORM = re.compile(r"ak_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
PREFIX_LENGTH = 12
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as presented; only `opens` tells whether it is good."""

    prefix: str
    secret: str

    def digest(self, key: bytes) -> str:
        return hmac.new(key, self.secret.encode(), hashlib.sha256).hexdigest()

    def __str__(self) -> str:
        return f"{PREFIX}{self.prefix}_{self.secret}"

    def __repr__(self) -> str:
        return f"Presented({self.prefix})"


def new() -> Presented:
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
    return Presented(prefix, secrets.token_urlsafe(SECRET_BYTES))


def parse(token: str) -> Presented | None:
    """The parts of a well-formed key, else None."""
    found = FORM.fullmatch(token)
    return Presented(found[1], found[2]) if found else None


def opens(row: Any, presented: Presented, key: bytes, ip: str | None) -> bool:
    """Whether `presented` is the key of `row` (columns `key_…`), at an address that it may be used from."""
    if not hmac.compare_digest(row.key_secret_hash, presented.digest(key)):
        return False
    return not row.key_allowed_addresses or is_among(ip, row.key_allowed_addresses)


def is_among(ip: str | None, networks: list[str]) -> bool:
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # how a dual-stack socket shows an IPv4 client
    return any((mapped or address) in ip_network(network) for network in networks)
