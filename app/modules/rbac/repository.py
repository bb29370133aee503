"""Queries over versions of the policy, and over the rows that it governs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.db.entity import Entity, table_of
from app.core.db.repository import ReadRepository
from app.core.db.session import AnyRow, Session
from app.modules.rbac.models import PolicyState, PolicyVersion
from app.modules.rbac.schemas import VersionRead

policy = table_of(PolicyState)


class VersionRepository(ReadRepository):
    """Versions of the policy."""

    model = PolicyVersion
    read = VersionRead

    async def current(self) -> int:
        """The number of the current version."""
        return int(await self.session.value(select(policy.c.version)))

    async def newer_than(self, version: int) -> Sequence[AnyRow]:
        """The versions after `version`, the newest first."""
        statement = self.select().where(self.table.c.id > version)
        return await self.session.all(statement.order_by(self.table.c.id.desc()))


class PolicyRowRepository:
    """Rows that the policy governs, of any of its tables."""

    def __init__(self, session: Session) -> None:
        self.session = session

    async def load(self, model: type[Entity], ids: set[UUID]) -> dict[UUID, Entity]:
        """Load and lock those of the rows that exist, hidden ones too."""
        statement = select(model).where(table_of(model).c.id.in_(ids)).with_for_update(key_share=True)
        result = await self.session.execute(statement, execution_options={"include_deleted": True})
        return {row.id: row for row in result.scalars()}
