"""How a database stores a tree: in tiles, rows of up to 16 neighbouring nodes, from which every proof can be made.

A tile holds nodes of the levels 0, 4, 8, …; those between are computed. They take 34 bytes for each leaf, and a proof
over ten million leaves reads at most 12 tiles. Tiles of 256 nodes (C2SP tlog-tiles) are 16 of these in a row; with them
each new leaf would write 4 KiB on average, since the last tile of a level is written anew until it is full.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from app.modules.audit.seal.tree import HASH_BYTES, Node, pair_up

STEP = 4
"""Levels of the tree from one level of tiles to the next."""
WIDTH = 1 << STEP
TILE_BYTES = WIDTH * HASH_BYTES


class Tile(NamedTuple):
    """Which tile: that of the nodes of `level` from the position `number * 16` on."""

    level: int
    number: int


def tile_of(node: Node) -> Tile:
    """The tile from which the hash of a node can be read or computed."""
    below = node.level % STEP
    return Tile(node.level - below, (node.position << below) // WIDTH)


def read_nodes(nodes: Iterable[Node], tiles: Mapping[Tile, bytes]) -> dict[Node, bytes]:
    """The hashes of nodes, from their tiles. Raises LookupError where a tile, or a part of it, is missing."""
    return {node: read_node(node, tiles[tile_of(node)]) for node in nodes}


def read_node(node: Node, tile: bytes) -> bytes:
    below = node.level % STEP
    first = (node.position << below) % WIDTH * HASH_BYTES
    data = tile[first : first + (HASH_BYTES << below)]
    if len(data) != HASH_BYTES << below:
        raise LookupError(f"the tile does not reach as far as {node}")
    row = [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    while len(row) > 1:
        row = pair_up(row)
    return row[0]


def open_tiles(size: int) -> list[Tile]:
    """The tiles of a tree of `size` leaves that are not full: the ones that `extend_tiles` needs."""
    counts = [(level, size >> level) for level in range(0, size.bit_length(), STEP)]
    return [Tile(level, count // WIDTH) for level, count in counts if count % WIDTH]


def extend_tiles(tiles: Mapping[Tile, bytes], size: int, rows: Sequence[Sequence[bytes]]) -> dict[Tile, bytes]:
    """The tiles that are new or longer once a tree of `size` leaves got the nodes that `Tree.append` returned.

    `tiles` has the open tiles of before. Raises LookupError where one is missing or is not as long as the size says.
    """
    changed: dict[Tile, bytes] = {}
    for level in range(0, len(rows), STEP):
        number, used = divmod(size >> level, WIDTH)
        begun = tiles[Tile(level, number)] if used else b""
        if len(begun) != used * HASH_BYTES:
            raise LookupError(f"tile {number} of level {level} has not {used} nodes")
        data = begun + b"".join(rows[level])
        for at in range(0, len(data), TILE_BYTES):
            changed[Tile(level, number + at // TILE_BYTES)] = data[at : at + TILE_BYTES]
    return changed
