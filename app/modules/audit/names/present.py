"""Reads what rows are called now, hidden ones too. An erased person has no name."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import cast
from uuid import UUID

from sqlalchemy import Column, exists, select, union_all
from sqlmodel import SQLModel

from app.core.db.audited import audited_models
from app.core.db.redaction import Redaction, is_personal
from app.core.db.row_access import RowAccess
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.db.targets import name_column, table_of_actors
from app.modules.audit.models import TABLES
from app.modules.audit.repository import readable_rows

Names = dict[UUID | None, str]
"""Names by the ids of their rows, which are different in all tables. No id has no name."""

MOST_IDS, MOST_PARTS = 1000, 30
"""Ids of one table, and parts with so many ids, in one select. Databases bound the number of its values."""


@cache
def named_tables() -> frozenset[str]:
    """The audited tables whose rows have a name."""
    return frozenset(name for name in audited_models() if isinstance(name_of(name), Column))


def name_of(table: str) -> object:
    """The column by which rows of a table are shown, or null."""
    return name_column(SQLModel.metadata.tables[table])


class WantedNames:
    """Collects ids, and reads the names of all of them together."""

    def __init__(self) -> None:
        self.ids: defaultdict[str, set[UUID]] = defaultdict(set)

    def add(self, table: str, *ids: UUID | None) -> None:
        """Add ids of a table. One whose rows have no name, or that was dropped, is left out."""
        if table in named_tables():
            self.ids[table].update(each for each in ids if each is not None)

    def add_item(self, module: str | None, *ids: UUID | None) -> None:
        """Add ids of items of a module: rows of its tables, or of any where it has none."""
        own = named_tables() & TABLES.get(module or "", frozenset())
        for table in own or named_tables():
            self.add(table, *ids)

    def add_users(self, *ids: UUID | None) -> None:
        self.add(table_of_actors().name, *ids)

    async def read(self, session: ReadSession | Session) -> Names:
        """The names of those that have one. Of a page it is one select; of very many ids it is several.

        Who reads the whole log reads all names; others those of rows that they may read.
        """
        access = readable_rows(session)
        ids = {table: sorted(found) for table, found in sorted(self.ids.items())}
        parts = [
            select_names(table, found[at : at + MOST_IDS], access)
            for table, found in ids.items()
            for at in range(0, len(found), MOST_IDS)
        ]
        names: Names = {}
        for at in range(0, len(parts), MOST_PARTS):
            rows = await session.all(select(union_all(*parts[at : at + MOST_PARTS]).subquery()))
            names |= {row.id: row.shown_name for row in rows}
        return names


def select_names(name: str, ids: Sequence[UUID], access: RowAccess) -> AnySelect:
    """A select of the names of rows of a table. A name that is personal goes with the person whose data it is."""
    table, column = SQLModel.metadata.tables[name], cast("Column[str]", name_of(name))
    is_readable = (table.c.id.in_(ids), *access.conditions(table))
    statement: AnySelect = select(table.c.id, column.label("shown_name")).where(*is_readable)
    if not is_personal(column):
        return statement
    redaction: Redaction = column.info["redaction"]
    erasures = SQLModel.metadata.tables["audit_erasure"]
    return statement.where(~exists().where(erasures.c.entity_id == table.c[redaction.subject or "id"]))
