"""Queries over invitations and resets."""

from typing import ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import select

from app.core.db.entity import table_of
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.modules.invitations.models import Invitation, PasswordReset
from app.modules.users import User

users = table_of(User)
M = TypeVar("M", Invitation, PasswordReset)


class OneTimeRepository(Repository[M]):
    """What lets a user set a password once, with what the account is like to which it belongs."""

    began_at: ClassVar[str]
    """The column with the instant at which it was made."""

    async def load_of(self, user_id: UUID) -> M | None:
        """Load and lock the last one of a user."""
        mine = select(self.model).where(self.table.c.user_id == user_id).with_for_update(key_share=True)
        return (await self.writer.execute(mine)).scalar_one_or_none()

    async def of_user(self, user_id: UUID) -> AnyRow | None:
        """The last one of a visible user, with the account."""
        return await self.session.first(self.select_with_accounts().where(users.c.id == user_id))

    async def by_token(self, token_hash: str) -> AnyRow | None:
        """The one of a visible user with this token, with the account."""
        return await self.session.first(self.select_with_accounts().where(self.table.c.token_hash == token_hash))

    def select_with_accounts(self) -> AnySelect:
        own = (self.table.c[name] for name in ("user_id", self.began_at, "expires_at", "used_at", "account_hash"))
        account = (users.c.is_active, users.c.password_hash, users.c.signed_out_at)
        linked = self.table.join(users, users.c.id == self.table.c.user_id)
        return select(*own, *account).select_from(linked).where(users.c.deleted_at.is_(None))


class InvitationRepository(OneTimeRepository[Invitation]):
    """Invitations."""

    model = Invitation
    began_at = "invited_at"


class PasswordResetRepository(OneTimeRepository[PasswordReset]):
    """Resets that people asked for themselves."""

    model = PasswordReset
    began_at = "asked_at"
