"""Compares archived entries with the tree, which stays in the database."""

from collections.abc import Iterable, Sequence

from app.core.db.session import ReadSession
from app.modules.audit.archive.entry_file import ArchivedEntry, decode_entry
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.archive.refusal import Refused
from app.modules.audit.seal.tiles import read_nodes, tile_of
from app.modules.audit.seal.tree import Node, leaf_hash
from app.modules.audit.sealer.store import find_tiles

PIECE = 800


async def check_leaves(session: ReadSession, manifest: Manifest, groups: Iterable[Sequence[ArchivedEntry]]) -> None:
    """Raise Refused unless the entries are those of the manifest, each with the hash that the tree has at its place."""
    count = 0
    for group in groups:
        for start in range(0, len(group), PIECE):
            await check_piece(session, manifest, group[start : start + PIECE])
        count += len(group)
    if count != manifest.count:
        raise Refused(f"{manifest.file.name} has {count} entries, and not {manifest.count}")


async def check_piece(session: ReadSession, manifest: Manifest, entries: Sequence[ArchivedEntry]) -> None:
    nodes = [Node(0, each.seq - 1) for each in entries]
    try:
        sealed = read_nodes(nodes, await find_tiles(session, manifest.log, sorted(set(map(tile_of, nodes)))))
    except LookupError as error:
        raise Refused(f"the tree of {manifest.log} does not reach as far as the archive") from error
    for node, each in zip(nodes, entries, strict=True):
        if leaf_hash(each.entry) != sealed[node] or decode_entry(each.entry)["id"] != each.id:
            raise Refused(f"seq {each.seq}: the archived entry {each.id} is not what was sealed")
        if not manifest.has(each.seq):
            raise Refused(f"seq {each.seq}: the manifest does not name this entry")
