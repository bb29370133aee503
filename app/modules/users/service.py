"""User rules. Who may do what to whom is for the policy check at the commit to say."""

import secrets
from datetime import timedelta
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.errors import Conflict, Forbidden, invalid
from app.core.schema import Patch
from app.core.security import Hasher
from app.core.service import Service
from app.core.types import now
from app.modules.users.models import User
from app.modules.users.passwords import judge
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import OneTimePassword, UserCreate

ONE_TIME_BYTES = 15


class NoPassword(Conflict):
    """A service account has no password."""

    code = "service-account"


class UserService(Service[User]):
    repository = UserRepository
    rows: UserRepository

    def __init__(self, session: Session | ReadSession, hasher: Hasher | None = None) -> None:
        super().__init__(session)
        self.hasher = hasher

    async def create(self, data: UserCreate) -> User:  # type: ignore[override]  # this schema carries the password
        """Create a user; the password is judged and hashed before the database is asked for anything."""
        values = data.model_dump(exclude={"password"})
        password = data.password.get_secret_value() if data.password else None
        about = (data.username, data.email, data.first_name or "", data.last_name or "")
        hashed = await self.accepted(password, *about) if password is not None else ""
        return await self.rows.add(User(**values, password_hash=hashed))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> User:
        changes = data.changes()
        row = await self.rows.load(id, if_match)
        if row.is_service and changes.get("is_superuser"):
            raise invalid("/body/is_superuser", "A service account is never a superuser.", "service-account")
        principal = self.rows.session.context.principal
        if principal is not None and principal.user_id == id and changes.get("email", row.email) != row.email:
            raise Forbidden("Change your own e-mail at /api/v1/auth/me, where your password is asked for.")
        if row.is_active and changes.get("is_active") is False:
            changes["signed_out_at"] = now()
        return await self.rows.change(row, changes)

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        row = await self.rows.load(id, if_match)
        row.signed_out_at = now()
        await self.rows.remove(row)

    async def accepted_for(self, id: UUID, password: str, pointer: str) -> str:
        """The hash of a password of the user's own choice. Raises Invalid, NotFound."""
        row = await self.rows.get(id)
        about = (row.username, row.email, row.first_name or "", row.last_name or "")
        return await self.accepted(password, *about, pointer=pointer)

    async def set_password(self, row: User, hashed: str) -> None:
        await self.rows.change(
            row, {"password_hash": hashed, "must_change_password": False, "password_expires_at": None}
        )

    async def unlock(self, id: UUID) -> User:
        """Forgive wrong guesses at this account. Raises NotFound."""
        return await self.rows.change(await self.rows.load(id), {"unlocked_at": now()})

    async def reset_password(self, id: UUID, ttl: int) -> OneTimePassword:
        """A random password that must be changed, shown once; the user's sessions end. Raises NotFound, NoPassword."""
        password = secrets.token_urlsafe(ONE_TIME_BYTES)
        hashed = await self.hashing().hash(password)
        row = await self.rows.load(id)
        if row.is_service:
            raise NoPassword("A service account signs in with API keys only.")
        at = now()
        expires_at = at + timedelta(seconds=ttl)
        values = {"password_hash": hashed, "must_change_password": True, "password_expires_at": expires_at}
        await self.rows.change(row, {**values, "signed_out_at": at})
        return OneTimePassword(password=password, expires_at=expires_at)

    async def accepted(self, password: str, *about: str, pointer: str = "/body/password") -> str:
        """The hash of a password that passes the policy. Raises Invalid."""
        hasher = self.hashing()
        await hasher.run(judge, password, about, pointer)
        return await hasher.hash(password)

    def hashing(self) -> Hasher:
        if self.hasher is None:
            raise TypeError("passwords need a hasher")
        return self.hasher
