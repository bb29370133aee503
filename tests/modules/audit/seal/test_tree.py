"""The tree and its proofs: published vectors, a second implementation over all small sizes, and forgeries."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.modules.audit.seal.proofs import (
    InvalidProof,
    plan_consistency,
    plan_inclusion,
    verify_consistency,
    verify_inclusion,
)
from app.modules.audit.seal.tree import EMPTY_ROOT, InvalidTree, Node, Tree, leaf_hash, node_hash
from tests.modules.audit.seal import naive

SIZES = 131
ENTRIES = tuple(f"entry {number}".encode() for number in range(SIZES))

TEXTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
INPUTS = tuple(bytes.fromhex(text) for text in TEXTS)
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The vectors of Certificate Transparency: entries, and the roots of their trees of size 0 to 8."""
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def tree_of(entries: Sequence[bytes]) -> Tree:
    tree = Tree()
    tree.append(map(leaf_hash, entries))
    return tree


class Store:
    """All complete nodes of a tree that grew in several steps, as a database would hold them."""

    def __init__(self, entries: Sequence[bytes], steps: Sequence[int]) -> None:
        self.tree = Tree()
        self.hashes: dict[Node, bytes] = {}
        for begin, end in zip((0, *steps), (*steps, len(entries)), strict=True):
            size = self.tree.size
            for level, row in enumerate(self.tree.append(map(leaf_hash, entries[begin:end]))):
                for offset, value in enumerate(row):
                    node = Node(level, (size >> level) + offset)
                    assert node not in self.hashes, "a node becomes complete once"
                    self.hashes[node] = value

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return plan_inclusion(index, size).build(self.hashes)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return plan_consistency(old, new).build(self.hashes)


@pytest.fixture(scope="module")
def store() -> Store:
    return Store(ENTRIES, [0, 1, 4, 5, 5, 64, 100])


@pytest.fixture(scope="module")
def roots() -> list[bytes]:
    """The root of every size, by the second implementation."""
    return [naive.tree_hash(ENTRIES[:size]) for size in range(SIZES + 1)]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert tree_of(INPUTS[:size]).root.hex() == naive.tree_hash(INPUTS[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    proof = Store(INPUTS, []).inclusion(index, size)

    assert [value.hex() for value in proof] == INCLUSION[index, size]
    verify_inclusion(index, size, leaf_hash(INPUTS[index]), proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int) -> None:
    proof = Store(INPUTS, []).consistency(old, new)

    assert [value.hex() for value in proof] == CONSISTENCY[old, new]
    verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


def test_roots_of_all_sizes_are_those_of_the_definition(roots: list[bytes]) -> None:
    one_by_one = Tree()
    for size, root in enumerate(roots):
        assert one_by_one.size == size
        assert one_by_one.root == tree_of(ENTRIES[:size]).root == root
        if size < SIZES:
            one_by_one.append([leaf_hash(ENTRIES[size])])


def test_inclusion_proofs_of_all_leaves_in_all_sizes(store: Store, roots: list[bytes]) -> None:
    for size in range(1, SIZES + 1):
        for index in range(size):
            proof = store.inclusion(index, size)
            assert proof == naive.inclusion_path(index, ENTRIES[:size])
            verify_inclusion(index, size, leaf_hash(ENTRIES[index]), proof, roots[size])


def test_consistency_proofs_between_all_sizes(store: Store, roots: list[bytes]) -> None:
    for new in range(1, SIZES + 1):
        for old in range(1, new + 1):
            proof = store.consistency(old, new)
            assert proof == naive.consistency_path(old, ENTRIES[:new])
            verify_consistency(old, new, roots[old], roots[new], proof)


@given(st.lists(st.binary(max_size=40), max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_a_tree_that_grows_in_steps_is_the_tree(entries: list[bytes], cuts: list[int]) -> None:
    steps = sorted(min(cut, len(entries)) for cut in cuts)

    assert Store(entries, steps).tree.root == naive.tree_hash(tuple(entries))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 100, SIZES])
def test_a_tree_goes_on_from_its_bytes(size: int, roots: list[bytes]) -> None:
    before = tree_of(ENTRIES[:size])

    again = Tree.parse(bytes(before))
    again.append(map(leaf_hash, ENTRIES[size:]))

    assert len(bytes(before)) == 8 + 32 * size.bit_count()
    assert (again.size, again.root) == (SIZES, roots[SIZES])


@pytest.mark.parametrize("change", [b"", b"\0" * 7, b"\0" * 7 + b"\3" + b"x" * 63, b"\xff" * 8 + b"x" * 64 * 32])
def test_other_bytes_are_no_tree(change: bytes) -> None:
    with pytest.raises(InvalidTree):
        Tree.parse(change)


def test_an_entry_cannot_pass_for_a_node() -> None:
    two = tree_of(INPUTS[:2])
    inner = b"".join(map(leaf_hash, INPUTS[:2]))

    assert tree_of([inner]).root != two.root


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (8, 8)])
def test_there_is_no_proof_for_a_leaf_outside(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        plan_inclusion(index, size)
    with pytest.raises(InvalidProof):
        verify_inclusion(index, size, EMPTY_ROOT, [], EMPTY_ROOT)


@pytest.mark.parametrize(("old", "new"), [(-1, 1), (2, 1)])
def test_there_is_no_proof_for_a_tree_that_shrank(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="not the beginning"):
        plan_consistency(old, new)
    with pytest.raises(InvalidProof):
        verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])


def forgeries(proof: list[bytes], random: Random) -> list[list[bytes]]:
    """The proof with each hash changed, removed, doubled, cut or lengthened, with two swapped, with one more."""
    found = [[*proof, random.randbytes(32)], [random.randbytes(32), *proof], [*proof, proof[-1] if proof else b""]]
    for at, value in enumerate(proof):
        bit = random.randrange(256)
        flipped = (int.from_bytes(value) ^ 1 << bit).to_bytes(32)
        others: tuple[list[bytes], ...] = ([flipped], [], [value, value], [value[:-1]], [value + b"\0"])
        found += [[*proof[:at], *other, *proof[at + 1 :]] for other in others]
    swapped = [*proof[1:2], *proof[:1], *proof[2:]]
    return [*found, swapped] if swapped != proof else found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 21, 64, 77])
def test_a_forged_inclusion_proof_is_refused(size: int, store: Store, roots: list[bytes]) -> None:
    random = Random(size)
    for index in range(size):
        proof, leaf, root = store.inclusion(index, size), leaf_hash(ENTRIES[index]), roots[size]
        claims = [(index, size, leaf, forged, root) for forged in forgeries(proof, random)]
        claims += [(other, size, leaf, proof, root) for other in range(-1, size + 2) if other != index]
        claims += [(index, size, leaf_hash(b"other"), proof, root), (index, size, leaf, proof, roots[size + 1])]
        claims += [(index, size, leaf[:-1], proof, root), (index, size, leaf, proof, root[:-1])]
        for claim in claims:
            with pytest.raises(InvalidProof):
                verify_inclusion(*claim)


@pytest.mark.parametrize("new", [1, 2, 3, 5, 8, 21, 64, 77])
def test_a_forged_consistency_proof_is_refused(new: int, store: Store, roots: list[bytes]) -> None:
    random = Random(new)
    for old in range(1, new + 1):
        proof, first, second = store.consistency(old, new), roots[old], roots[new]
        claims = [(old, new, first, second, forged) for forged in forgeries(proof, random)]
        claims += [(other, new, first, second, proof) for other in range(-1, new + 2) if other != old]
        claims += [(old, new, random.randbytes(32), second, proof), (old, new, first, random.randbytes(32), proof)]
        claims += [(old, new, second, first, proof)] if old < new else [(old, new, first, second, [first])]
        for claim in claims:
            with pytest.raises(InvalidProof):
                verify_consistency(*claim)


def test_a_proof_that_is_too_long_is_refused_even_for_the_root_to_which_it_leads(store: Store) -> None:
    more, leaf = b"x" * 32, leaf_hash(ENTRIES[0])
    old_root, new_root = (node_hash(more, naive.tree_hash(ENTRIES[:size])) for size in (3, 5))

    with pytest.raises(InvalidProof, match="too long"):
        verify_inclusion(0, 1, leaf, [more], node_hash(more, leaf))
    with pytest.raises(InvalidProof, match="too long"):
        verify_consistency(3, 5, old_root, new_root, [*store.consistency(3, 5), more])


def test_every_tree_begins_with_the_empty_one() -> None:
    root = tree_of(INPUTS).root

    verify_consistency(0, 8, EMPTY_ROOT, root, [])
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])

    assert plan_consistency(0, 8).parts == ()
    for claim in ((0, 8, root, root, []), (0, 8, EMPTY_ROOT, root, [root]), (0, 0, root, root, [])):
        with pytest.raises(InvalidProof):
            verify_consistency(*claim)


def test_a_rewritten_entry_has_no_consistency_proof(roots: list[bytes]) -> None:
    rewritten = Store([*ENTRIES[:40], b"rewritten", *ENTRIES[41:]], [])

    for old in range(41, 100):
        with pytest.raises(InvalidProof):
            verify_consistency(old, 100, roots[old], rewritten.tree.root, rewritten.consistency(old, 100))
