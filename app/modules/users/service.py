"""User rules: nobody lifts themselves up, and the last superuser stays."""

from typing import Any
from uuid import UUID

from app.core.context import Principal
from app.core.db import ReadSession, Session
from app.core.errors import Conflict, Forbidden
from app.core.schema import Patch
from app.core.security import Hasher
from app.core.service import Service
from app.core.types import now
from app.modules.users.models import User
from app.modules.users.passwords import judge
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import UserCreate


class CannotGrant(Forbidden):
    """Nobody grants what they do not hold."""

    code = "cannot-grant"


class Dominated(Forbidden):
    """The target holds what the actor lacks."""

    code = "dominated"


class LastSuperuser(Conflict):
    """Without an active superuser nobody could administer."""

    code = "last-superuser"


class UserService(Service[User]):
    repository = UserRepository
    rows: UserRepository

    def __init__(self, session: Session | ReadSession, hasher: Hasher | None = None) -> None:
        super().__init__(session)
        self.hasher = hasher

    @property
    def acts_as_superuser(self) -> bool:
        """Commands act as the system; requests act as their caller."""
        context = self.rows.session.context
        return context.principal.is_superuser if context.principal else context.actor.kind == "system"

    async def create(self, data: UserCreate) -> User:  # type: ignore[override]  # this schema carries the password
        """Create a user; the password is judged and hashed before the database is asked for anything."""
        if self.hasher is None:
            raise TypeError("registering a user needs a hasher")
        if data.is_superuser and not self.acts_as_superuser:
            raise CannotGrant("Only a superuser may make a superuser.")
        values = data.model_dump(exclude={"password"})
        password = data.password.get_secret_value()
        about = (data.username, data.email, data.first_name or "", data.last_name or "")
        await self.hasher.run(judge, password, *about)
        return await self.rows.add(User(**values, password_hash=await self.hasher.hash(password)))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> User:
        changes = data.changes()
        row = await self.rows.load(id, if_match)
        await self.refuse_dominated(row)
        if changes.get("is_superuser", row.is_superuser) != row.is_superuser and not self.acts_as_superuser:
            raise CannotGrant("Only a superuser may make a superuser.")
        if not remains_superuser(row, changes):
            await self.keep_one_superuser(row)
        if row.is_active and changes.get("is_active") is False:
            changes["signed_out_at"] = now()
        return await self.rows.change(row, changes)

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        row = await self.rows.load(id, if_match)
        await self.refuse_dominated(row)
        await self.keep_one_superuser(row)
        row.signed_out_at = now()
        await self.rows.remove(row)

    async def restore(self, id: UUID, if_match: str | None = None) -> User:
        row = await self.rows.load(id, if_match, deleted=True)
        await self.refuse_dominated(row)
        return await self.rows.change(row, {"deleted_at": None})

    async def refuse_dominated(self, row: User) -> None:
        session = self.rows.writer
        refuse_dominated(session.context.principal, row, await session.permissions_of(row.id))

    async def keep_one_superuser(self, row: User) -> None:
        if row.is_superuser and row.is_active and not await self.rows.other_superusers(row.id):
            raise LastSuperuser("This is the last active superuser.")


def refuse_dominated(principal: Principal | None, target: User, held: frozenset[str]) -> None:
    """Raise Dominated where `target` holds what the caller lacks. Commands (no caller) act as the system."""
    if principal is None or principal.is_superuser or target.id == principal.user_id:
        return
    if target.is_superuser:
        raise Dominated("Only a superuser may act on a superuser.")
    if lacking := held - principal.permissions:
        raise Dominated(f"This user holds what you do not: {', '.join(sorted(lacking))}.")


def remains_superuser(row: User, changes: dict[str, Any]) -> bool:
    return bool(changes.get("is_superuser", row.is_superuser) and changes.get("is_active", row.is_active))
