"""Verifies one log: its entries against the tree, and the tree against signed checkpoints."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from sqlalchemy import Text, cast, func, select

from app.core.db.session import AnyRow, ReadSession
from app.core.db.statements import values_of_row
from app.modules.audit.entries.canonical import encode
from app.modules.audit.seal.note import Note
from app.modules.audit.seal.proofs import cover
from app.modules.audit.seal.tiles import Tile, open_tiles, read_node, read_nodes, tile_of
from app.modules.audit.seal.tree import SIZE, InvalidTree, Node, Tree, leaf_hash
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.order import Snapshot
from app.modules.audit.sealer.reads import LogReader, Piece
from app.modules.audit.sealer.store import find_seal, find_tiles
from app.modules.audit.verifier.archived import ArchivedEntries
from app.modules.audit.verifier.findings import LogReport
from app.modules.audit.verifier.notes import Signatures, Trail, size_of
from app.modules.audit.verifier.rebuilt import RebuiltTree, verify_cosignature
from app.modules.audit.verifier.writers import WriterCheck

Progress = Callable[[LogReport], None]


class Check(Protocol):
    """Looks at the entries of a log, some at a time."""

    async def look_at(self, piece: Piece) -> None:
        """Look at some entries."""

    async def finish(self, report: LogReport) -> None:
        """Report what can be told after the last of them."""


LOST = bytes(32)
"""Stands for the hash of a leaf of which nothing is left."""


class LogVerifier:
    """Verifies one log, up to the newest checkpoint that it has at the beginning.

    `notes` are checkpoints that were kept elsewhere, `archives` what the database has recorded of archives, and
    `writers` the keys of those that write entries.
    """

    def __init__(
        self,
        session: ReadSession,
        log: Log,
        signatures: Signatures,
        notes: Iterable[Note] = (),
        archives: Iterable[AnyRow] = (),
        writers: Sequence[bytes] = (),
    ) -> None:
        self.session = session
        self.log = log
        self.writer_check = WriterCheck(writers, log.table.name)
        self.reader = LogReader(session, log)
        self.report = LogReport(log.value)
        self.rebuilt = RebuiltTree(self.report, Trail(signatures), notes)
        self.archived = ArchivedEntries(self.report, archives)
        self.checks: list[Check] = []
        """Whatever else is to be looked at in the entries."""
        self.noun = "change" if log is Log.changes else "access entry"

    async def verify(self, progress: Progress, first_seq: int = 1) -> LogReport:
        """Verify the log from a place on. What is wrong is in the report."""
        report, seal = self.report, await find_seal(self.session, self.log)
        end = await self.reader.end_of_order()
        report.size = await self.reader.newest_size()
        if seal is None:
            report.obstacles.append("it was never sealed")
        else:
            self.mark(seal.tree)
        if end > report.size:
            report.add("order", f"{end - report.size} entries have a place that no checkpoint covers", report.size + 1)
        await self.begin(first_seq)
        async for piece in self.reader.pieces(self.rebuilt.size + 1, report.size):
            await self.verify_piece(piece)
            for check in self.checks:
                await check.look_at(piece)
            progress(report)
        for check in self.checks:
            await check.finish(report)
        if self.rebuilt.size < report.size:
            report.add("order", "the order of the entries breaks off here", self.rebuilt.size + 1)
        self.archived.report_unseen()
        self.rebuilt.report_larger()
        await self.verify_rest(seal.sealed_snapshot if seal else None)
        return report

    def mark(self, stored: bytes) -> None:
        """Expect the tree from which the sealer goes on."""
        try:
            tree = Tree.parse(stored)
        except InvalidTree as error:
            self.report.add("state", f"the state of the sealer is no tree: {error}")
            return
        self.rebuilt.marks[tree.size] = tree.root
        if tree.size > self.report.size:
            self.report.add("state", f"the sealer has sealed {tree.size} entries, and no checkpoint covers them")

    async def begin(self, first_seq: int) -> None:
        """Begin with the tree in front of a place, as it is stored."""
        size = min(first_seq - 1, self.report.size)
        if size:
            peaks = list(cover(0, size))
            hashes = read_nodes(peaks, await find_tiles(self.session, self.log, sorted(set(map(tile_of, peaks)))))
            tree = Tree.parse(SIZE.pack(size) + b"".join(hashes[node] for node in peaks))
            self.rebuilt.begin_with(tree, await find_tiles(self.session, self.log, open_tiles(size)))
        for row in await self.reader.checkpoints(size - 1, size):
            self.rebuilt.compare_stored(row)
        self.rebuilt.compare_others()

    async def verify_piece(self, piece: Piece) -> None:
        """Compare entries with the tree, and the tree with the checkpoints that end among them."""
        size, end = self.rebuilt.size, self.rebuilt.size + len(piece.ids)
        stored, copies = await self.reader.tiles(size, end), await self.find_copies(piece.ids)
        leaves = [self.verify_entry(piece, at, stored, copies) for at in range(len(piece.ids))]
        rows = {each: list(group) for each, group in groupby(await self.reader.checkpoints(size, end), size_of_row)}
        others = {*map(size_of, self.rebuilt.notes), *self.rebuilt.marks}
        computed: dict[Tile, bytes] = {}
        for stop in sorted({*rows, *(each for each in others if size < each <= end), end}):
            computed |= self.rebuilt.append(leaves[self.rebuilt.size - size : stop - size])
            for row in rows.get(stop, ()):
                self.rebuilt.compare_stored(row)
            self.rebuilt.compare_others()
        self.rebuilt.compare_tiles(computed, stored)
        for row in await self.reader.cosignatures(size, end):
            verify_cosignature(row, self.report)

    async def find_copies(self, ids: Sequence[int]) -> Mapping[int, int]:
        """Which of these entries have the code of an older one, and of which; none where codes are not verified."""
        return await self.reader.copies(ids) if self.writer_check.keys and ids else {}

    def verify_entry(self, piece: Piece, at: int, stored: dict[Tile, bytes], copies: Mapping[int, int]) -> bytes:
        """The hash of a leaf: that of the tree where the entry does not have it, so that each is found by itself."""
        number, seq = piece.ids[at], piece.first_seq + at
        rows, sealed = piece.rows.get(number), read_leaf(stored, seq - 1)
        archived = self.archived.compare(seq, f"{self.noun} {number}", sealed)
        if not rows and archived is None and self.archived.is_recorded(seq):
            self.archived.unseen += 1
            return sealed or LOST
        self.report.verified += 1
        if not rows:
            if archived is None:
                self.report.add("missing", f"{self.noun} {number} is missing", seq)
            return sealed or archived or LOST
        if len(rows) > 1:
            self.report.add("doubled", f"{self.noun} {number} is stored twice", seq)
            return sealed or LOST
        return self.verify_row(rows[0], seq, sealed, copies)

    def verify_row(self, row: AnyRow, seq: int, sealed: bytes | None, copies: Mapping[int, int]) -> bytes:
        """The hash of a leaf, once its entry was compared with it."""
        found = leaf_hash(encode(values_of_row(row)))
        if sealed is not None and found != sealed:
            self.report.add("entry", f"{self.noun} {row.id} is not what was sealed", seq)
        else:
            self.verify_writer(row, copies, seq)
        return sealed or found

    def verify_writer(self, row: AnyRow, copies: Mapping[int, int], seq: int | None = None) -> None:
        """Say if an entry was not written by the application."""
        if reason := self.writer_check.explain(row, copies):
            self.report.add("writer", f"{self.noun} {row.id} {reason}", seq)
        elif self.writer_check.keys and row.mac is not None:
            self.report.written += 1

    async def verify_rest(self, sealed: str | None) -> None:
        """Look for entries without a place that the sealer would have sealed, had they been there."""
        async for rows in self.reader.find_unsealed():
            self.report.behind += len(rows)
            copies = await self.find_copies([row.id for row in rows])
            for row in rows:
                self.verify_writer(row, copies)
            for row in await self.find_forged(rows, sealed) if rows and sealed else ():
                self.report.add("unsealed", f"{self.noun} {row.id} was not there when its transaction was sealed")

    async def find_forged(self, rows: Sequence[AnyRow], sealed: str) -> list[AnyRow]:
        """Those of `rows` that should have a place, or that name a transaction which never wrote them."""
        if self.session.is_sqlite:
            return [row for row in rows if row.id <= int(sealed)]
        snapshot = Snapshot.parse(sealed)
        now = Snapshot.parse(await self.session.value(select(cast(func.pg_current_snapshot(), Text))))
        return [row for row in rows if row.xid is None or row.xid >= now.end or snapshot.sees(row.xid)]


def size_of_row(row: AnyRow) -> int:
    return int(row.size)


def read_leaf(tiles: dict[Tile, bytes], index: int) -> bytes | None:
    """The hash of a leaf, if it is stored."""
    node = Node(0, index)
    try:
        return read_node(node, tiles[tile_of(node)])
    except LookupError:
        return None
