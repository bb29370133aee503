"""The Merkle tree of RFC 9162 (2.1, the tree of RFC 6962): its hashes, and a tree that is kept as its peaks."""

from collections.abc import Iterable, Sequence
from functools import reduce
from hashlib import sha256
from struct import Struct
from typing import NamedTuple, Self

LEAF, NODE = b"\0", b"\1"
"""Begin what is hashed, so that no entry can pass for a node."""
HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
SIZE = Struct(">Q")
MAX_SIZE = 2**63 - 1


class InvalidTree(ValueError):
    """Bytes are not those of a tree."""


class Node(NamedTuple):
    """A perfect subtree: `2**level` leaves, the first of which is the leaf `position * 2**level`."""

    level: int
    position: int


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two subtrees."""
    return sha256(NODE + left + right).digest()


def pair_up(row: Sequence[bytes]) -> list[bytes]:
    """The hashes of the nodes above a row; an odd last hash has none yet."""
    return [sha256(NODE + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)]


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees that stand from left to right, each larger than the next."""
    return reduce(lambda right, left: node_hash(left, right), reversed(peaks)) if peaks else EMPTY_ROOT


class Tree:
    """An append-only tree of which only the peaks are kept: the roots of its perfect subtrees, one for each bit of its
    size.
    """

    def __init__(self) -> None:
        self.size = 0
        self.peaks: dict[int, bytes] = {}
        """By level."""

    @property
    def root(self) -> bytes:
        return fold([self.peaks[level] for level in sorted(self.peaks, reverse=True)])

    def append(self, leaves: Iterable[bytes]) -> list[list[bytes]]:
        """Append leaves, given by their hashes. Returns the hashes of all nodes that became complete, level by level.

        On level `l` they are the nodes from the position `size >> l` on, `size` being that before. Leaves are level 0.
        """
        row = list(leaves)
        self.size += len(row)
        complete: list[list[bytes]] = []
        while row:
            level = len(complete)
            complete.append(row)
            if (peak := self.peaks.pop(level, None)) is not None:
                row = [peak, *row]
            if len(row) % 2:
                self.peaks[level] = row[-1]
            row = pair_up(row)
        return complete

    def __bytes__(self) -> bytes:
        """The size (8 bytes, big-endian), then the peaks from left to right."""
        return SIZE.pack(self.size) + b"".join(self.peaks[level] for level in sorted(self.peaks, reverse=True))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `bytes(tree)` wrote. Raises InvalidTree."""
        tree = cls()
        if len(data) < SIZE.size:
            raise InvalidTree("a tree begins with its size")
        (tree.size,) = SIZE.unpack_from(data)
        levels = [level for level in reversed(range(64)) if tree.size >> level & 1]
        if tree.size > MAX_SIZE or len(data) != SIZE.size + HASH_BYTES * len(levels):
            raise InvalidTree("the number of peaks is not that of the size")
        starts = range(SIZE.size, len(data), HASH_BYTES)
        tree.peaks = {level: data[at : at + HASH_BYTES] for level, at in zip(levels, starts, strict=True)}
        return tree
