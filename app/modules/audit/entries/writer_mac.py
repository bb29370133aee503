"""The codes that show which entries a process with the writer's key has written, and not the database alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.security.encryption import is_equal, keyed_hash
from app.modules.audit.entries.canonical import encode

MAC_BYTES = 16
"""128 bits are out of reach of guesses, since only a holder of the key can try one."""
NOT_WRITTEN = frozenset({"id", "stored_at", "xid", "mac"})
"""The columns that the database makes, which a writer does not know, and the code itself."""


def entry_mac(key: bytes, log: str, entry: Mapping[str, Any]) -> bytes:
    """The code of an entry: HMAC-SHA-256 over the table and the canonical bytes of what its writer knows.

    A copy of an entry has the same code, which is how a verification finds it.
    """
    written = {name: value for name, value in entry.items() if name not in NOT_WRITTEN}
    return keyed_hash(key, log.encode() + b"\0" + encode(written))[:MAC_BYTES]


def is_written_with(keys: Sequence[bytes], log: str, entry: Mapping[str, Any]) -> bool:
    """Whether the code of an entry is that of one of `keys`."""
    return any(is_equal(entry_mac(key, log, entry), entry["mac"]) for key in keys)


def add_mac(keys: Sequence[bytes], log: str, entry: dict[str, Any]) -> dict[str, Any]:
    """`entry` with its code by the first of `keys`, or with none where there is no key."""
    entry["mac"] = entry_mac(keys[0], log, entry) if keys else None
    return entry
