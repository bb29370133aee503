"""Queries over the record."""

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlmodel import SQLModel

from app.core.page import PageQuery
from app.core.repository import ReadRepository, table_of
from app.core.types import AnyRow, AnySelect
from app.modules.audit.models import AuditAccess, AuditChange, AuditSubjectKey
from app.modules.audit.personal import WrongMasterKey, unwrap
from app.modules.audit.schemas import AccessQuery, AccessRead, ChangeQuery, ChangeRead

log = structlog.get_logger(__name__)


class AccessRepository(ReadRepository):
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
    model = AuditChange
    read = ChangeRead

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, ChangeQuery) and query.field:
            statement = statement.where(self.touches(query.field))
            query = query.model_copy(update={"field": None})
        return super().where(statement, query)

    def touches(self, field: str) -> ColumnElement[bool]:
        """Whether `changes` has the name `field`; the one expression here that each database spells its own way."""
        changes = self.table.c.changes
        if self.session.is_sqlite:
            return func.json_type(changes, f'$."{field}"').is_not(None)
        return func.jsonb_exists(changes, field)

    def of(self, entity: str, entity_id: UUID) -> AnySelect:
        return self.select().where(self.table.c.entity == entity, self.table.c.entity_id == str(entity_id))

    async def is_hidden(self, entity: str, entity_id: UUID) -> bool:
        """Whether the item is there and hidden."""
        table = SQLModel.metadata.tables[entity]
        statement: AnySelect = select(table.c.id).where(table.c.id == entity_id, table.c.deleted_at.is_not(None))
        return await self.session.first(statement) is not None

    async def keys(self, ids: set[UUID]) -> dict[UUID, bytes | None]:
        """Those of the keys that were not destroyed; None for one that our master key does not open."""
        table = table_of(AuditSubjectKey)
        rows = await self.session.all(select(table).where(table.c.id.in_(ids)))
        return {row.id: self.opened(row) for row in rows}

    def opened(self, row: AnyRow) -> bytes | None:
        try:
            return unwrap(self.session.keys.personal, row.id, row.wrapped_key)
        except WrongMasterKey:
            log.error("wrong_master_key", key_id=str(row.id))  # its trace says no more
            return None
