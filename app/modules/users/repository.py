"""Queries over users."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, or_, select

from app.core.db.entity import table_of
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.core.fields.folding import fold_email
from app.modules.users.models import LastSignIn, User
from app.modules.users.schemas import UserRead

users, sign_ins = table_of(User), table_of(LastSignIn)
ACTIVE = select(users.c.id, users.c.username, users.c.signed_out_at).where(
    users.c.id == bindparam("id"), users.c.is_active, users.c.deleted_at.is_(None)
)
"""A user who may sign in."""


class UserRepository(Repository[User]):
    """Users."""

    model = User
    read = UserRead

    async def credentials(self, identifier: str) -> AnyRow | None:
        """The columns that a sign-in as `identifier` (user name or e-mail) checks."""
        statement = self.build_once("credentials", self.select_named_credentials)
        return await self.session.first(statement, {"name": fold_email(identifier)})

    def select_named_credentials(self) -> AnySelect:
        columns, name = self.table.c, bindparam("name", type_=self.table.c.username_folded.type)
        matching = or_(columns.username_folded == name, columns.email_folded == name)
        return self.select_credentials().where(matching)

    async def id_of(self, username: str) -> UUID | None:
        """The id of the visible user with this name, in any spelling in which it signs in."""
        columns = self.table.c
        named = select(columns.id).where(columns.username_folded == fold_email(username), columns.deleted_at.is_(None))
        user_id: UUID | None = await self.session.value(named)
        return user_id

    async def credentials_of(self, id: UUID) -> AnyRow | None:
        """The same columns of the user with this id."""
        mine = self.build_once(
            "own credentials", lambda: self.select_credentials().where(users.c.id == bindparam("id"))
        )
        return await self.session.first(mine, {"id": id})

    def select_credentials(self) -> AnySelect:
        wanted = ("id", "username", "password_hash", "is_active", "is_service", "password_expires_at")
        return select(*(self.table.c[name] for name in wanted)).where(self.table.c.deleted_at.is_(None))

    async def find_active(self, id: UUID) -> AnyRow | None:
        """The columns id, username and signed_out_at of a user who may sign in."""
        return await self.session.first(ACTIVE, {"id": id})

    async def lock_active(self, id: UUID) -> User | None:
        """Load and lock a user who may sign in."""
        user = await self.writer.load(User, id)
        return user if user is not None and user.is_active else None

    async def last_sign_in(self, id: UUID) -> datetime | None:
        """When the user last signed in; None for one who never did."""
        at: datetime | None = await self.session.value(select(sign_ins.c.at).where(sign_ins.c.id == id))
        return at

    def record_sign_in(self, id: UUID, at: datetime) -> None:
        """Record when the user last signed in."""
        self.writer.add(LastSignIn(id=id, at=at))

    async def forget_sign_in(self, id: UUID) -> None:
        """Forget when the user last signed in."""
        await self.writer.execute(delete(sign_ins).where(sign_ins.c.id == id))
