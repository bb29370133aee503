"""The tree of a log as its entries make it, which is compared with what is stored and signed."""

from collections.abc import Iterable, Mapping, Sequence

from app.core.db.session import AnyRow
from app.modules.audit.seal.checkpoint import Checkpoint
from app.modules.audit.seal.note import InvalidNote, Note
from app.modules.audit.seal.tiles import WIDTH, Tile, extend_tiles, open_tiles
from app.modules.audit.seal.tree import HASH_BYTES, Tree
from app.modules.audit.verifier.findings import LogReport
from app.modules.audit.verifier.notes import Trail, check_cosignature, size_of


class RebuiltTree:
    """Grows leaf by leaf. What does not fit it is added to `report`."""

    def __init__(self, report: LogReport, trail: Trail, notes: Iterable[Note]) -> None:
        self.report = report
        self.trail = trail
        self.notes = list(notes)
        self.tree = Tree()
        self.open: Mapping[Tile, bytes] = {}
        """The tiles that are not full."""
        self.marks: dict[int, bytes] = {}
        """Roots that it must have at a size, as the sealer has stored them to go on with."""
        self.fitting_size = 0
        """The size of the last checkpoint whose root it had."""
        self.has_diverged = False

    @property
    def size(self) -> int:
        return self.tree.size

    def begin_with(self, tree: Tree, open_ones: Mapping[Tile, bytes]) -> None:
        """Begin with a tree that is believed, and tiles that may be longer."""
        self.tree, self.fitting_size = tree, tree.size
        self.open = {tile: nodes[: nodes_of(tile, tree.size) * HASH_BYTES] for tile, nodes in open_ones.items()}

    def append(self, leaves: Sequence[bytes]) -> dict[Tile, bytes]:
        """Append leaves. Returns the tiles that are new or longer."""
        size = self.size
        changed = extend_tiles(self.open, size, self.tree.append(leaves))
        self.open = {tile: changed.get(tile) or self.open[tile] for tile in open_tiles(self.size)}
        return changed

    def compare_tiles(self, computed: Mapping[Tile, bytes], stored: Mapping[Tile, bytes]) -> None:
        """Compare nodes with those that are stored."""
        for tile, nodes in computed.items():
            if stored.get(tile, b"")[: len(nodes)] != nodes:
                first = (tile.number * WIDTH << tile.level) + 1
                self.report.add("tree", f"a node of level {tile.level} is not that of the entries from here on", first)

    def compare_stored(self, row: AnyRow) -> None:
        """Compare a stored checkpoint of this size."""
        self.report.checkpoints += 1
        try:
            checkpoint = self.trail.follow(row.note, row.size)
        except InvalidNote as error:
            self.report.add("checkpoint", f"the checkpoint {row.id} of {row.size} entries: {error}", row.size or None)
            return
        self.compare_root(checkpoint.root, "the checkpoint")

    def compare_others(self) -> None:
        """Compare what else is said of the tree of this size: by given checkpoints, and by the sealer."""
        if self.marks.get(self.size, self.tree.root) != self.tree.root and not self.has_diverged:
            self.report.add("state", f"the sealer goes on from another tree of {self.size} entries")
        for note in self.notes:
            if size_of(note) == self.size and self.is_signed(note):
                self.report.checkpoints += 1
                self.compare_root(Checkpoint.parse(note.text).root, "the given checkpoint")

    def compare_root(self, root: bytes, name: str) -> None:
        """Compare a root. After the first that differs, all others differ too."""
        if root == self.tree.root:
            self.fitting_size = self.size
        elif not self.has_diverged:
            self.has_diverged = True
            detail = f"{name} of {self.size} entries is not that of the entries from here to {self.size}"
            self.report.add("root", detail, min(self.fitting_size + 1, self.size))

    def is_signed(self, note: Note) -> bool:
        """Whether a trusted key signed a given checkpoint; what another one says proves nothing."""
        try:
            self.trail.signatures.open(note)
        except InvalidNote as error:
            self.report.obstacles.append(f"a given checkpoint of {size_of(note)} entries: {error}")
            return False
        return True

    def report_larger(self) -> None:
        """Report given checkpoints that cover more than the log has."""
        for note in self.notes:
            if size_of(note) > self.report.size and self.is_signed(note):
                detail = f"a given checkpoint covers {size_of(note)} entries, and the log has {self.report.size}"
                self.report.add("cut", detail, self.report.size + 1)


def verify_cosignature(row: AnyRow, report: LogReport) -> None:
    """Verify a stored cosignature of a checkpoint."""
    try:
        check_cosignature(row.note, row.witness, row.signature)
    except InvalidNote as error:
        report.add("cosignature", f"a cosignature of the checkpoint {row.checkpoint_id}: {error}", row.size)


def nodes_of(tile: Tile, size: int) -> int:
    """How many nodes of an open tile a tree of `size` leaves has."""
    return (size >> tile.level) - tile.number * WIDTH
