"""Writes evidence: a zip with entries, the tree around them, the checkpoint, and what verifies them."""

import asyncio
import zipfile
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import IO, Any

import orjson
from sqlalchemy import select

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.entries.canonical import encode, format_instant
from app.modules.audit.models import AuditRedaction
from app.modules.audit.seal.proofs import Range, cover, split
from app.modules.audit.seal.tiles import Tile, read_nodes, tile_of
from app.modules.audit.seal.tree import fold
from app.modules.audit.sealer.archived import check_not_archived
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCosignature
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.store import find_tiles

redactions, cosignatures = table_of(AuditRedaction), table_of(AuditCosignature)
PIECE, TILES = 1000, 500
"""Entries and tiles that are read at a time."""
RESOURCES = {"verify_audit.py": "verify_audit.py", "how_to_check.md": "README.md"}


class Evidence:
    """The evidence of one log, up to its newest checkpoint."""

    def __init__(self, session: ReadSession, log: Log) -> None:
        self.session = session
        self.log = log
        self.sealed = SealedLog(session, log)

    async def write(self, file: IO[bytes], places: Mapping[int, int], question: Mapping[str, Any]) -> None:
        """Write the evidence of entries, given as their places by their numbers. Raises NotFound before the first seal.

        The manifest says by which `question` they were chosen. Those that the newest checkpoint does not cover are left
        out.
        """
        checkpoint = await self.sealed.find_newest()
        seqs = sorted(seq for seq in places.values() if seq <= checkpoint.size)
        ids = sorted((number for number, seq in places.items() if seq <= checkpoint.size), key=places.__getitem__)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            await self.write_seal(archive, checkpoint, self.describe(checkpoint.size, seqs, question))
            versions = await self.write_entries(archive, ids, places)
            archive.writestr("redactions.json", orjson.dumps(await find_redactions(self.session, versions)))
            await self.write_nodes(archive, [seq - 1 for seq in seqs], checkpoint.size)

    def describe(self, size: int, seqs: Sequence[int], question: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest."""
        return {
            "log": self.log.value,
            "size": size,
            "count": len(seqs),
            "first_seq": seqs[0] if seqs else None,
            "last_seq": seqs[-1] if seqs else None,
            **question,
            "made_at": format_instant(now()),
        }

    async def write_seal(self, archive: zipfile.ZipFile, checkpoint: AnyRow, manifest: Mapping[str, Any]) -> None:
        """Write what is small: the checkpoint, the keys, what explains and what verifies."""
        archive.writestr("manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        archive.writestr("checkpoint.txt", bytes(await self.sealed.note(checkpoint)))
        archive.writestr("keys.txt", "".join(f"{key}\n" for key in await self.sealed.keys()))
        archive.writestr("witnesses.txt", "".join(f"{key}\n" for key in await find_witnesses(self.session)))
        for resource, name in RESOURCES.items():
            archive.writestr(name, files(__package__).joinpath(resource).read_bytes())

    async def write_entries(self, archive: zipfile.ZipFile, ids: Sequence[int], places: Mapping[int, int]) -> set[str]:
        """Write the entries, and return the versions of redactions that they name. Raises Archived."""
        table, versions = self.log.table, set[str]()
        with archive.open("entries.ndjson", "w") as lines:
            for at in range(0, len(ids), PIECE):
                piece = ids[at : at + PIECE]
                rows = {row.id: row for row in await self.session.all(select(table).where(table.c.id.in_(piece)))}
                for gone in (each for each in piece if each not in rows):
                    await check_not_archived(self.session, self.log, places[gone])
                versions |= {row.redaction_version for row in rows.values()} if self.log is Log.changes else set()
                await asyncio.to_thread(write_lines, lines, (entry_line(places[each], rows[each]) for each in piece))
        return versions

    async def write_nodes(self, archive: zipfile.ZipFile, leaves: Sequence[int], size: int) -> None:
        """Write the root over each part of the tree that holds none of the entries."""
        ranges = {found: list(cover(*found)) for found in parts_without(leaves, 0, size)}
        nodes = {node for covering in ranges.values() for node in covering}
        wanted, tiles = sorted(set(map(tile_of, nodes))), dict[Tile, bytes]()
        for at in range(0, len(wanted), TILES):
            tiles |= await find_tiles(self.session, self.log, wanted[at : at + TILES])
        hashes = read_nodes(nodes, tiles)
        with archive.open("nodes.ndjson", "w") as lines:
            found = ((found, fold([hashes[node] for node in covering])) for found, covering in ranges.items())
            await asyncio.to_thread(write_lines, lines, (node_line(each, node) for each, node in found))


def write_lines(file: IO[bytes], lines: Iterable[bytes]) -> None:
    """Compress and write lines, outside of the event loop."""
    for each in lines:
        file.write(each)


def entry_line(seq: int, row: AnyRow) -> bytes:
    return line({"seq": seq, "entry": encode(dict(row._mapping)).decode()})


def node_line(found: Range, node: bytes) -> bytes:
    return line({"begin": found[0], "end": found[1], "hash": b64encode(node).decode()})


def line(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


async def find_witnesses(session: ReadSession) -> list[str]:
    """The keys of all witnesses that have cosigned."""
    rows = await session.all(select(cosignatures.c.witness).distinct().order_by(cosignatures.c.witness))
    return [row.witness for row in rows]


async def find_redactions(session: ReadSession, versions: set[str]) -> dict[str, Any]:
    """The documents of redactions, by their version."""
    if not versions:
        return {}
    rows = await session.all(select(redactions).where(redactions.c.version.in_(sorted(versions))))
    return {row.version: row.document for row in rows}


def parts_without(leaves: Sequence[int], begin: int, end: int) -> Iterator[Range]:
    """The largest parts of the tree over a range that hold none of `leaves`, which are in rising order."""
    if begin == end:
        return
    if not leaves:
        yield begin, end
        return
    if end - begin == 1:
        return
    middle = split(begin, end)
    at = bisect_left(leaves, middle)
    yield from parts_without(leaves[:at], begin, middle)
    yield from parts_without(leaves[at:], middle, end)
