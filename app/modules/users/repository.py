"""Queries over users."""

from uuid import UUID

from sqlalchemy import or_, select

from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.core.fields.folding import fold_email
from app.modules.users.models import User
from app.modules.users.schemas import UserRead


class UserRepository(Repository[User]):
    """Users."""

    model = User
    read = UserRead

    async def credentials(self, identifier: str) -> AnyRow | None:
        """The columns that a sign-in as `identifier` (user name or e-mail) checks."""
        columns, name = self.table.c, fold_email(identifier)
        matching = or_(columns.username_folded == name, columns.email_folded == name)
        return await self.session.first(self.select_credentials().where(matching))

    async def credentials_of(self, id: UUID) -> AnyRow | None:
        """The same columns of the user with this id."""
        return await self.session.first(self.select_credentials().where(self.table.c.id == id))

    def select_credentials(self) -> AnySelect:
        wanted = ("id", "username", "password_hash", "is_active", "is_service", "password_expires_at")
        return select(*(self.table.c[name] for name in wanted)).where(self.table.c.deleted_at.is_(None))

    async def find_active(self, id: UUID) -> AnyRow | None:
        """The columns id, username and signed_out_at of a user who may sign in."""
        columns = self.table.c
        statement = select(columns.id, columns.username, columns.signed_out_at)
        return await self.session.first(
            statement.where(columns.id == id, columns.is_active, columns.deleted_at.is_(None))
        )

    async def lock_active(self, id: UUID) -> User | None:
        """Load and lock a user who may sign in."""
        user = await self.writer.load(User, id)
        return user if user is not None and user.is_active else None
