"""Queries over the ledger of erasures, and over what is stored about one person."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import SQLModel, col

from app.core.db.append_only import Removal
from app.core.db.derived import own_columns
from app.core.db.entity import Entity, table_of
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import rules_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.audit.erasure.models import AuditErasure, AuditHold
from app.modules.audit.erasure.schemas import ErasureRead
from app.modules.audit.erasure.tables import PersonTable, is_secret, tables_of
from app.modules.audit.models import AuditChange, AuditSubjectKey
from app.modules.audit.repository import ChangeRepository, callers, tell_archives
from app.modules.audit.schemas import Item

erasures, holds, entries = table_of(AuditErasure), table_of(AuditHold), table_of(AuditChange)
MOST_ROWS = 1000
"""Rows of one table in an answer about a person."""


class ErasureRepository(ReadRepository):
    """The ledger, with the names of those who erased, as far as they are still known."""

    model = AuditErasure
    read = ErasureRead

    def columns(self) -> list[ColumnElement[Any]]:
        actor_name = func.coalesce(self.table.c.actor_name, callers.c.name).label("actor_name")
        return [actor_name if name == "actor_name" else self.table.c[name] for name in self.read.model_fields]

    def select(self, *, deleted: bool = False) -> AnySelect:
        called = self.table.outerjoin(callers, self.table.c.caller_id == callers.c.id)
        return super().select(deleted=deleted).select_from(called)

    async def find(self, item: Item) -> AnyRow | None:
        """The erasure of this person."""
        is_it = and_(self.table.c.entity_id == item.entity_id, self.table.c.entity == item.entity)
        return await self.session.first(self.select().where(is_it))

    async def get_of(self, item: Item) -> AnyRow:
        """The same. Raises NotFound."""
        found = await self.find(item)
        if found is None:
            raise self.not_found(item.entity_id)
        return found


class Found(NamedTuple):
    """Rows about a person, by their tables."""

    rows: dict[str, list[AnyRow]]
    is_complete: bool


class PersonReader:
    """Reads what is stored about one person."""

    def __init__(self, session: ReadSession | Session, item: Item) -> None:
        self.session = session
        self.item = item
        self.tables = tables_of(item.entity)

    async def is_known(self) -> bool:
        """Whether the table has, or had, a row of the person. Keys do not say to which table their person belongs."""
        table = SQLModel.metadata.tables[self.item.entity]
        stored: AnySelect = select(table.c.id).where(table.c.id == self.item.entity_id)
        if await self.session.first(stored):
            return True
        is_entry = and_(entries.c.entity == self.item.entity, entries.c.entity_id == str(self.item.entity_id))
        removed: AnySelect = select(entries.c.id).where(is_entry).limit(1)
        return await self.session.first(removed) is not None

    async def find_hold(self) -> AnyRow | None:
        """The legal hold, expired or not."""
        return await self.session.first(select(holds).where(is_of(self.item)))

    async def rows(self) -> Found:
        """The rows of all tables, without secrets. Raises Forbidden for what the caller may not read."""
        found: dict[str, list[AnyRow]] = {}
        is_complete = True
        for each in self.tables:
            table = table_of(each.model)
            shown = [column for column in own_columns(table) if not is_secret(column)]
            FieldAccess(rules_of(table), self.session.context).check_reading([c.name for c in shown], "/path/id")
            statement: AnySelect = select(*shown).where(each.is_about(self.item.entity_id))
            rows = await self.session.all(statement.order_by(table.c.id.desc()).limit(MOST_ROWS + 1))
            is_complete = is_complete and len(rows) <= MOST_ROWS
            found[table.name] = list(rows[:MOST_ROWS])
        return Found(found, is_complete)

    async def callers(self) -> Sequence[AnyRow]:
        """From where the person called, at most one row more than are shown."""
        shown = [callers.c[name] for name in ("id", "name", "ip", "user_agent", "created_at")]
        statement: AnySelect = select(*shown).where(callers.c.user_id == self.item.entity_id)
        return await self.session.all(statement.order_by(callers.c.created_at.desc()).limit(MOST_ROWS + 1))


class PersonChanges(ChangeRepository):
    """The change entries of rows about a person."""

    def build_once(self, name: object, build: Any) -> AnySelect:
        """What `build` returns: every person has other rows, so that nothing is kept."""
        statement: AnySelect = build()
        return statement

    async def page_about(self, item: Item, rows: dict[str, list[AnyRow]], query: PageQuery) -> RowPage:
        """A page of the entries of these rows, and of the person's own row, which may be gone."""
        ids = {table: {str(row.id) for row in found} for table, found in rows.items()}
        ids[item.entity] = {str(item.entity_id)}
        columns = self.table.c
        parts = [and_(columns.entity == table, columns.entity_id.in_(found)) for table, found in ids.items() if found]
        statement = self.select().where(or_(*parts))
        page = await self.fetch_page(statement, query, f"person/{item.entity}/{item.entity_id}")
        await tell_archives(self.session, [self.log], None, None)
        return page


class PersonWriter:
    """Locks and removes what is stored about one person."""

    def __init__(self, session: Session, item: Item) -> None:
        self.session = session
        self.item = item
        self.tables = tables_of(item.entity)

    async def lock(self, model: type[Any]) -> Any:
        """Load the person's row, hidden or not. It is locked against rows that would refer to it, too."""
        chosen = select(model).where(col(model.id) == self.item.entity_id).with_for_update()
        return (await self.session.execute(chosen, execution_options={"include_deleted": True})).scalar_one_or_none()

    async def load_hold(self) -> AuditHold | None:
        """Load and lock the legal hold."""
        chosen = select(AuditHold).where(is_of(self.item)).with_for_update(key_share=True)
        return (await self.session.execute(chosen)).scalar_one_or_none()

    async def load_rows(self, table: PersonTable) -> Sequence[Entity]:
        """Load and lock the rows of an audited table that are about the person."""
        chosen = select(table.model).where(table.is_about(self.item.entity_id)).order_by(col(table.model.id))
        options = {"include_deleted": True}
        found = await self.session.execute(chosen.with_for_update(key_share=True), execution_options=options)
        return list(found.scalars())

    async def callers(self) -> Sequence[AnyRow]:
        statement: AnySelect = select(callers).where(callers.c.user_id == self.item.entity_id)
        return await self.session.all(statement)

    async def remove_callers(self) -> None:
        """Remove every name, address and user agent of the person from both logs."""
        await self.session.execute(Removal(callers).where(callers.c.user_id == self.item.entity_id))

    async def destroy_keys(self) -> int:
        """Destroy the person's keys. Each leaves a change entry. Returns their number."""
        own = select(AuditSubjectKey).where(col(AuditSubjectKey.subject_id) == self.item.entity_id)
        found = list((await self.session.execute(own.with_for_update())).scalars())
        for key in found:
            self.session.remove(key)
        await self.session.flush()
        return len(found)


def is_of(item: Item) -> ColumnElement[bool]:
    """True for the hold of this person."""
    return and_(holds.c.entity_id == item.entity_id, holds.c.entity == item.entity)


async def find_erased(session: Session, ids: set[UUID]) -> set[UUID]:
    """Those of `ids` whose person was erased."""
    rows = await session.look(select(erasures.c.entity_id).where(erasures.c.entity_id.in_(ids)))
    return {row.entity_id for row in rows}
