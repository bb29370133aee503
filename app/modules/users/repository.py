"""User queries."""

from uuid import UUID

from sqlalchemy import func, or_, select

from app.core.repository import Repository
from app.core.types import AnyRow
from app.modules.users.models import User
from app.modules.users.schemas import UserRead


class UserRepository(Repository[User]):
    model = User
    read = UserRead
    searchable = ("username", "email", "first_name", "last_name")

    async def credentials(self, identifier: str) -> AnyRow | None:
        """id, username, password_hash and is_active of whoever signs in as `identifier` (user name or e-mail)."""
        columns = self.table.c
        name = identifier.lower()
        statement = select(columns.id, columns.username, columns.password_hash, columns.is_active)
        matching = or_(func.lower(columns.username) == name, func.lower(columns.email) == name)
        return await self.session.first(statement.where(matching, columns.deleted_at.is_(None)))

    async def active(self, id: UUID) -> AnyRow | None:
        """id, username and signed_out_at of a user who may sign in."""
        columns = self.table.c
        statement = select(columns.id, columns.username, columns.signed_out_at)
        return await self.session.first(
            statement.where(columns.id == id, columns.is_active, columns.deleted_at.is_(None))
        )

    async def other_superusers(self, id: UUID) -> int:
        """How many active superusers there are besides `id`; all stay locked, so two cannot demote each other."""
        columns = self.table.c
        active = select(columns.id).where(columns.is_superuser, columns.is_active, columns.deleted_at.is_(None))
        rows = await self.writer.all(active.order_by(columns.id).with_for_update())
        return sum(row.id != id for row in rows)
