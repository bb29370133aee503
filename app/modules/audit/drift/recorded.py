"""Rebuilds rows from the change log, some at a time, so that a table of any size takes the same memory."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, true

from app.core.db.derived import exact_derivations, own_columns
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.models import AuditChange

PIECE = 200
"""Rows that are compared at a time."""
changes = table_of(AuditChange)


@dataclass(frozen=True, slots=True)
class RecordedValue:
    """The newest value of a field."""

    stored: Any
    """As its entry stores it: a digest, a ciphertext, or a plain value with escaped names."""
    value: Any
    """As it was: decrypted, without escapes."""


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """A row as its entries tell."""

    entry_id: int
    """The last entry."""
    exists: bool
    """Whether the last entry is not that of its deletion."""
    fields: dict[str, RecordedValue]


class RecordedTable:
    """One table as the change log tells."""

    def __init__(self, session: ReadSession, table: Table) -> None:
        self.session = session
        self.table = table

    async def live_rows(self) -> AsyncIterator[Sequence[AnyRow]]:
        """The rows that the table has, by their ids."""
        number, after = self.table.c.id, UUID(int=0)
        columns = [*own_columns(self.table), *(self.table.c[name] for name in exact_derivations(self.table))]
        some = select(*columns).order_by(number).limit(PIECE)
        while rows := await self.session.all(some.where(number > after)):
            yield rows
            after = rows[-1].id

    async def recorded_ids(self) -> AsyncIterator[Sequence[str]]:
        """The ids of all rows that ever had an entry."""
        number, after = changes.c.entity_id, ""
        mine = select(number).where(changes.c.entity == self.table.name).group_by(number).order_by(number).limit(PIECE)
        while rows := await self.session.all(mine.where(number > after)):
            yield [row.entity_id for row in rows]
            after = rows[-1].entity_id

    async def live_ids(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids that the table has."""
        wanted = self.table.c.id.in_(list(map(UUID, ids)))
        return {str(row.id) for row in await self.session.all(select(self.table.c.id).where(wanted))}

    async def rebuild(self, ids: Sequence[str]) -> dict[str, RecordedRow]:
        """Those of these rows that have entries."""
        newest: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for row in await self.session.all(self.select_newest(ids)):
            newest[row.entity_id][row.key] = row.entry_id
        wanted = sorted({number for fields in newest.values() for number in fields.values()})
        columns = changes.c.id, changes.c.action, changes.c.entity, changes.c.entity_id, changes.c.changes
        entries = await self.session.all(select(*columns).where(changes.c.id.in_(wanted))) if wanted else ()
        readable = dict(zip((row.id for row in entries), await decrypt(self.session, entries), strict=True))
        stored = {row.id: row for row in entries}
        return {name: rebuild_row(fields, stored, readable) for name, fields in newest.items()}

    def select_newest(self, ids: Sequence[str]) -> Any:
        """A select of the newest entry of each field of these rows. That of a deletion names all of them, too."""
        functions: Any = func
        if self.session.is_sqlite:
            fields = functions.json_each(changes.c.changes).table_valued("key")
        else:
            fields = functions.jsonb_object_keys(changes.c.changes).table_valued("key").render_derived()
        mine = changes.c.entity == self.table.name, changes.c.entity_id.in_(ids)
        newest = select(changes.c.entity_id, fields.c.key, func.max(changes.c.id).label("entry_id"))
        return newest.select_from(changes).join(fields, true()).where(*mine).group_by(changes.c.entity_id, fields.c.key)


def rebuild_row(newest: dict[str, int], stored: dict[int, AnyRow], readable: dict[int, dict[str, Any]]) -> RecordedRow:
    """A row, from the newest entry of each of its fields. What is older than its creation is of a former life."""
    last = max(newest.values())
    if stored[last].action == "delete":
        return RecordedRow(last, exists=False, fields={})
    born = max((number for number in newest.values() if stored[number].action == "create"), default=0)
    fields = {
        name: RecordedValue(stored[number].changes[name]["new"], readable[number]["changes"][name]["new"])
        for name, number in newest.items()
        if number >= born
    }
    return RecordedRow(last, exists=True, fields=fields)
