"""User rules. The policy guard checks at the commit whether the caller may make a change."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, Forbidden, invalid
from app.core.resources.schemas import Patch
from app.core.resources.service import Service, reload_one
from app.core.security.password_policy import check_password
from app.core.security.passwords import PasswordHasher
from app.modules.users.models import User
from app.modules.users.repository import UserRepository
from app.modules.users.schemas import OneTimePassword, UserCreate

ONE_TIME_BYTES = 15


class NoPassword(Conflict):
    """A service account has no password."""

    code = "service-account"
    remedy = "Give the service account an API key instead."


class UserService(Service[User]):
    """Users. Setting a password needs a `hasher`.

    A password that is set for another person is good for `one_time_ttl` seconds, and must be changed. None: the person
    sets it, as in a command.
    """

    repository = UserRepository
    rows: UserRepository

    def __init__(
        self, session: Session | ReadSession, hasher: PasswordHasher | None = None, one_time_ttl: int | None = None
    ) -> None:
        super().__init__(session)
        self.hasher = hasher
        self.one_time_ttl = one_time_ttl

    async def create(self, data: UserCreate) -> User:  # type: ignore[override]  # this schema carries the password
        """Create a user. The password is hashed before the first statement. Raises Invalid, AlreadyExists."""
        values = data.model_dump(exclude={"password"})
        if data.password is not None:
            about = (data.username, data.email, data.first_name or "", data.last_name or "")
            hashed = await self.check_and_hash(data.password.get_secret_value(), *about)
            values |= {"password_hash": hashed, **terms_of_password(self.one_time_ttl)}
        return await reload_one(self.rows, await self.rows.add(User(**values)))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> User:
        """Change some fields of a user. Raises NotFound, StaleVersion, Invalid, Forbidden, AlreadyExists."""
        changes = data.changes()
        row = await self.rows.load(id, if_match)
        if row.is_service and changes.get("is_superuser"):
            raise invalid("/body/is_superuser", "A service account is never a superuser.", "service-account")
        principal = self.rows.session.context.principal
        if principal is not None and principal.user_id == id and changes.get("email", row.email) != row.email:
            raise Forbidden("Change your own e-mail at /api/v1/auth/me, which requires your password.")
        if row.is_active and changes.get("is_active") is False:
            changes["signed_out_at"] = now()
        return await reload_one(self.rows, await self.rows.change(row, changes))

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        """Hide a user and end the sessions. Raises NotFound, StaleVersion."""
        row = await self.rows.load(id, if_match)
        row.signed_out_at = now()
        await self.rows.remove(row)

    async def hash_own_password(self, id: UUID, password: str, pointer: str) -> str:
        """The hash of a password of the user's own choice, if it passes the policy. Raises Invalid, NotFound."""
        row = await self.rows.get(id)
        about = (row.username, row.email, row.first_name or "", row.last_name or "")
        return await self.check_and_hash(password, *about, pointer=pointer)

    async def set_password(self, row: User, hashed: str) -> None:
        """Store the hash of a password of the user's own choice."""
        await self.rows.change(row, {"password_hash": hashed, **terms_of_password(None)})

    async def unlock(self, id: UUID) -> User:
        """Record that the account was unlocked, which the policy guard checks. Raises NotFound."""
        return await self.rows.change(await self.rows.load(id), {"unlocked_at": now()})

    async def reset_password(self, id: UUID) -> OneTimePassword:
        """Set a random password that must be changed, and end the sessions. Raises NotFound, NoPassword."""
        password = secrets.token_urlsafe(ONE_TIME_BYTES)
        hashed = await self.require_hasher().hash(password)
        row = await self.rows.load(id)
        if row.is_service:
            raise NoPassword("A service account signs in with API keys only.")
        terms = terms_of_password(self.one_time_ttl)
        await self.rows.change(row, {"password_hash": hashed, **terms, "signed_out_at": now()})
        return OneTimePassword(password=password, expires_at=terms["password_expires_at"])

    async def check_and_hash(self, password: str, *about: str, pointer: str = "/body/password") -> str:
        """The hash of a password, if it passes the policy. Raises Invalid."""
        hasher = self.require_hasher()
        await hasher.run(check_password, password, about, pointer)
        return await hasher.hash(password)

    def require_hasher(self) -> PasswordHasher:
        if self.hasher is None:
            raise TypeError("passwords need a hasher")
        return self.hasher


def terms_of_password(one_time_ttl: int | None) -> dict[str, Any]:
    """The terms of a password that is set now: one-time, or of the user's own choice where there is no time limit."""
    expires_at = None if one_time_ttl is None else now() + timedelta(seconds=one_time_ttl)
    return {"must_change_password": one_time_ttl is not None, "password_expires_at": expires_at}
