"""Queries over the audit log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlmodel import SQLModel

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository
from app.core.db.session import AnyRow, AnySelect
from app.modules.audit.models import AuditAccess, AuditChange, AuditSubjectKey
from app.modules.audit.schemas import AccessQuery, AccessRead, ChangeQuery, ChangeRead


class AccessRepository(ReadRepository):
    """The access log."""

    model = AuditAccess
    read = AccessRead

    def columns(self) -> list[ColumnElement[Any]]:
        milliseconds = (self.table.c.duration_us / 1000.0).label("duration_ms")
        return [milliseconds if name == "duration_ms" else self.table.c[name] for name in self.read.model_fields]

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, AccessQuery) and query.path:
            statement = statement.where(self.table.c.path.startswith(query.path, autoescape=True))
            query = query.model_copy(update={"path": None})
        return super().where(statement, query)


class ChangeRepository(ReadRepository):
    """The change log."""

    model = AuditChange
    read = ChangeRead

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, ChangeQuery) and query.field:
            statement = statement.where(self.has_changed(query.field))
            query = query.model_copy(update={"field": None})
        return super().where(statement, query)

    def has_changed(self, field: str) -> ColumnElement[bool]:
        """True for entries in which `field` changed. Each database has its own function for it."""
        changes = self.table.c.changes
        if self.session.is_sqlite:
            return func.json_type(changes, f'$."{field}"').is_not(None)
        return func.jsonb_exists(changes, field)

    async def page_of(self, entity: str, entity_id: UUID, query: PageQuery) -> RowPage:
        """The entries of one item."""
        statement = self.build_once("of one item", self.select_of_item)
        values = {"entity": entity, "entity_id": str(entity_id)}
        return await self.fetch_page(statement, query, f"history/{entity}/{entity_id}", values)

    def select_of_item(self) -> AnySelect:
        """A select of the entries of one item."""
        columns = self.table.c
        return self.select().where(columns.entity == bindparam("entity"), columns.entity_id == bindparam("entity_id"))

    async def is_visible(self, entity: str, entity_id: UUID) -> bool:
        """Whether the item exists and is not hidden."""
        table = SQLModel.metadata.tables[entity]
        statement: AnySelect = select(table.c.id).where(table.c.id == entity_id, table.c.deleted_at.is_(None))
        return await self.session.first(statement) is not None

    async def wrapped_keys(self, ids: set[UUID]) -> Sequence[AnyRow]:
        """The keys with these ids that were not destroyed."""
        table = table_of(AuditSubjectKey)
        return await self.session.all(select(table).where(table.c.id.in_(ids)))
