"""Makes tokens that work once, and compares what they depend on."""

import secrets
from datetime import datetime
from typing import Protocol

from app.core.clock import now
from app.core.db.session import AnyRow
from app.core.security.encryption import is_equal, keyed_hash
from app.core.security.keys import Keys

TOKEN_BYTES = 32


class Account(Protocol):
    """What of an account a token depends on."""

    @property
    def password_hash(self) -> str: ...
    @property
    def signed_out_at(self) -> datetime | None: ...


def make_token(prefix: str) -> str:
    """A new token, which begins with what it is for."""
    return f"{prefix}{secrets.token_urlsafe(TOKEN_BYTES)}"


def is_open(found: AnyRow, keys: Keys) -> bool:
    """Whether a token can be used: `found` is the row of it with the account."""
    is_unused = found.used_at is None and found.is_active and now() < found.expires_at
    return is_unused and is_equal(found.account_hash.encode(), hash_account(keys, found).encode())


def hash_token(keys: Keys, token: str) -> str:
    return keyed_hash(keys.lookup, b"invitation\n" + token.encode("utf-8", "replace")).hex()


def hash_account(keys: Keys, account: Account | AnyRow) -> str:
    """The keyed hash of what a token depends on."""
    signed_out_at = account.signed_out_at.isoformat() if account.signed_out_at else ""
    return keyed_hash(keys.lookup, f"account\n{account.password_hash}\n{signed_out_at}".encode()).hex()
