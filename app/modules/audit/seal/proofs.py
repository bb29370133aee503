"""Inclusion and consistency proofs (RFC 9162, 2.1.3 and 2.1.4): which nodes they need, and how they are verified."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.modules.audit.seal.tree import EMPTY_ROOT, HASH_BYTES, Node, fold, node_hash

Range = tuple[int, int]


class InvalidProof(ValueError):
    """A proof does not prove what it was given for."""


@dataclass(frozen=True)
class ProofPlan:
    """A proof, not made yet: each of its hashes is that of the perfect subtrees in one tuple."""

    parts: tuple[tuple[Node, ...], ...]

    @property
    def nodes(self) -> set[Node]:
        """The nodes whose hashes the proof is made of."""
        return {node for part in self.parts for node in part}

    def build(self, hashes: Mapping[Node, bytes]) -> list[bytes]:
        """The proof, from the hashes of its nodes."""
        return [fold([hashes[node] for node in part]) for part in self.parts]


def plan_inclusion(index: int, size: int) -> ProofPlan:
    """The proof that a tree of `size` leaves has the leaf `index`. Raises ValueError where it has none."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    begin, end = 0, size
    ranges: list[Range] = []
    while end - begin > 1:
        middle = split(begin, end)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return plan(ranges)


def plan_consistency(old: int, new: int) -> ProofPlan:
    """The proof that the tree of `old` leaves is the beginning of that of `new`. Raises ValueError where it cannot be.

    The proof is empty where the sizes are equal or `old` is 0.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is not the beginning of one of {new}")
    if old == 0:
        return plan([])
    begin, end = 0, new
    ranges: list[Range] = []
    while old != end:
        middle = split(begin, end)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:  # else it is the old tree itself, whose root the verifier has
        ranges.append((begin, end))
    return plan(ranges)


def split(begin: int, end: int) -> int:
    """Where the subtree over these leaves has its two halves: the left one has the largest power of two below all."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def plan(ranges: Sequence[Range]) -> ProofPlan:
    """The plan for ranges of leaves that were found from the root down; a proof goes up."""
    return ProofPlan(tuple(tuple(cover(begin, end)) for begin, end in reversed(ranges)))


def cover(begin: int, end: int) -> Iterator[Node]:
    """The perfect subtrees over a range of leaves that begins where a subtree does, from left to right."""
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield Node(level, begin >> level)
        begin += 1 << level


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Verify that the hash `leaf` is the leaf `index` of a tree (RFC 9162, 2.1.3.2). Raises InvalidProof."""
    check_hashes(leaf, root, *path)
    if not 0 <= index < size:
        raise InvalidProof("the tree has no such leaf")
    position, last = index, size - 1
    found = leaf
    for sibling in path:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            position, last = climb_left_edge(position, last)
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or found != root:
        raise InvalidProof("the proof does not lead from the leaf to the root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Verify that the new tree begins with the old one (RFC 9162, 2.1.4.2). Raises InvalidProof."""
    check_hashes(old_root, new_root, *path)
    check_sizes(old, new)
    if (old == 0 and old_root != EMPTY_ROOT) or (old == new and old_root != new_root):
        raise InvalidProof("one size has two roots")
    if bool(path) != (0 < old < new):
        raise InvalidProof("a proof is empty between equal trees and from the empty tree, and else is not")
    if not path:
        return
    first, *rest = [old_root, *path] if old.bit_count() == 1 else path
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_found = new_found = first
    for sibling in rest:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if position & 1 or position == last:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
            position, last = climb_left_edge(position, last)
        else:
            new_found = node_hash(new_found, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or old_found != old_root or new_found != new_root:
        raise InvalidProof("the proof does not lead to the two roots")


def climb_left_edge(position: int, last: int) -> Range:
    """Go up while the node is a left one, which has no sibling at the right edge of the tree."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def check_sizes(old: int, new: int) -> None:
    if not 0 <= old <= new:
        raise InvalidProof("the old tree is larger than the new one")


def check_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise InvalidProof("a hash has not 32 bytes")
