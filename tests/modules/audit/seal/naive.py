"""The definitions of RFC 9162 (2.1), written out as recursion over entries: what our tree is compared with."""

from functools import cache
from hashlib import sha256


def largest_power_below(n: int) -> int:
    power = 1
    while power * 2 < n:
        power *= 2
    return power


@cache
def tree_hash(entries: tuple[bytes, ...]) -> bytes:
    """MTH of 2.1.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return sha256(b"\x01" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def inclusion_path(m: int, entries: tuple[bytes, ...]) -> list[bytes]:
    """PATH of 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*inclusion_path(m, entries[:k]), tree_hash(entries[k:])]
    return [*inclusion_path(m - k, entries[k:]), tree_hash(entries[:k])]


def consistency_path(m: int, entries: tuple[bytes, ...], *, is_known: bool = True) -> list[bytes]:
    """SUBPROOF of 2.1.4.1."""
    if m == len(entries):
        return [] if is_known else [tree_hash(entries)]
    k = largest_power_below(len(entries))
    if m <= k:
        return [*consistency_path(m, entries[:k], is_known=is_known), tree_hash(entries[k:])]
    return [*consistency_path(m - k, entries[k:], is_known=False), tree_hash(entries[:k])]
