"""Tiles: what is stored of a tree that grows is enough for every proof, and is read in few rows."""

import pytest

from app.modules.audit.seal.proofs import plan_consistency, plan_inclusion, verify_consistency, verify_inclusion
from app.modules.audit.seal.tiles import TILE_BYTES, Tile, extend_tiles, open_tiles, read_nodes, tile_of
from app.modules.audit.seal.tree import Node, Tree, leaf_hash
from tests.modules.audit.seal import naive

ENTRIES = tuple(f"entry {number}".encode() for number in range(700))
STEPS = (1, 2, 13, 16, 17, 100, 255, 256, 257, 600, 700)


@pytest.fixture(scope="module")
def tiles() -> dict[Tile, bytes]:
    """The tiles of a tree that grew in steps, each of which read no more than the open tiles."""
    tree = Tree()
    stored: dict[Tile, bytes] = {}
    for end in STEPS:
        size = tree.size
        rows = tree.append(map(leaf_hash, ENTRIES[size:end]))
        begun = {tile: stored[tile] for tile in open_tiles(size)}
        for tile, data in extend_tiles(begun, size, rows).items():
            assert data.startswith(stored.get(tile, b"")), "a stored hash never changes"
            stored[tile] = data
    return stored


def test_each_hash_is_stored_once(tiles: dict[Tile, bytes]) -> None:
    levels = [sum(len(data) // 32 for tile, data in tiles.items() if tile.level == level) for level in (0, 4, 8, 12)]

    assert levels == [700, 700 // 16, 700 // 256, 0]
    assert {tile for tile, data in tiles.items() if len(data) < TILE_BYTES} == set(open_tiles(700))


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 31, 255, 256, 257, 511, 699, 700])
def test_every_proof_can_be_made(size: int, tiles: dict[Tile, bytes]) -> None:
    root = naive.tree_hash(ENTRIES[:size])
    for index in {0, size // 2, size - 1}:
        plan = plan_inclusion(index, size)
        proof = plan.build(read_nodes(plan.nodes, {tile: tiles[tile] for tile in map(tile_of, plan.nodes)}))
        assert proof == naive.inclusion_path(index, ENTRIES[:size])
        verify_inclusion(index, size, leaf_hash(ENTRIES[index]), proof, root)
    for new in (size, 700):
        plan = plan_consistency(size, new)
        proof = plan.build(read_nodes(plan.nodes, tiles))
        verify_consistency(size, new, root, naive.tree_hash(ENTRIES[:new]), proof)


@pytest.mark.parametrize("size", [10_000_000, 2**24, 2**24 - 1])
def test_a_proof_over_ten_million_leaves_reads_few_rows(size: int) -> None:
    indexes = [0, 1, size // 3, size // 2, size - 2, size - 1]

    plans = [plan_inclusion(index, size) for index in indexes] + [
        plan_consistency(index + 1, size) for index in indexes
    ]

    assert max(len(set(map(tile_of, plan.nodes))) for plan in plans) <= 12


def test_a_tile_that_is_missing_or_short_is_an_error(tiles: dict[Tile, bytes]) -> None:
    node = Node(2, 174)
    tile = tile_of(node)

    with pytest.raises(LookupError):
        read_nodes([node], {})
    with pytest.raises(LookupError):
        read_nodes([node], {tile: tiles[tile][:-1]})
    with pytest.raises(LookupError):
        extend_tiles({}, 700, [[b"x" * 32]])
    with pytest.raises(LookupError):
        extend_tiles({Tile(0, 43): tiles[Tile(0, 43)][:-32]}, 700, [[b"x" * 32]])


def test_a_forged_tile_gives_a_proof_that_is_refused(tiles: dict[Tile, bytes]) -> None:
    plan = plan_inclusion(5, 700)
    forged = {**tiles, Tile(0, 0): bytes(32) + tiles[Tile(0, 0)][32:]}

    with pytest.raises(ValueError, match="does not lead"):
        verify_inclusion(
            5, 700, leaf_hash(ENTRIES[5]), plan.build(read_nodes(plan.nodes, forged)), naive.tree_hash(ENTRIES)
        )
