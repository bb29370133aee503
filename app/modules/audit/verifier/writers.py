"""Verifies the codes of entries: a process with the writer's key wrote them, and each of them once."""

from collections.abc import Mapping, Sequence

from app.core.db.session import AnyRow
from app.core.db.statements import values_of_row
from app.modules.audit.entries.writer_mac import is_written_with

EXTERNAL = "external"
"""The source of entries that the database writes itself, which say so."""


class WriterCheck:
    """Checks the codes of one log, by the keys of its writers. Without keys nothing is checked."""

    def __init__(self, keys: Sequence[bytes], table: str) -> None:
        self.keys = keys
        self.table = table
        self.is_begun = False
        """Whether an entry had a code. From there on every entry has one."""

    def explain(self, row: AnyRow, repeated: Mapping[int, int]) -> str | None:
        """What is wrong with the code of an entry; None where nothing is.

        `repeated` has the numbers of the entries whose code an older entry has, with that of the older one.
        """
        if not self.keys:
            return None
        entry = values_of_row(row)
        if entry.get("source") == EXTERNAL:
            return None
        if entry["mac"] is None:
            return "has no code of a writer" if self.is_begun else None
        self.is_begun = True
        if not is_written_with(self.keys, self.table, entry):
            return "was not written by a process with the writer's key"
        return f"is a copy of {repeated[row.id]}" if row.id in repeated else None
