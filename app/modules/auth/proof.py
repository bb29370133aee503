"""Proof that somebody signed in is still who they were: the password, or the second factor, again."""

from dataclasses import dataclass
from datetime import datetime

from app.core.context import Principal, RequestContext
from app.core.db import Database
from app.core.errors import Forbidden, Unavailable
from app.core.security import Hasher
from app.core.types import now
from app.modules.auth.throttle import Allowed, Throttle
from app.modules.users import UserRepository


class WrongPassword(Forbidden):
    """The current password is not right; the session goes on."""

    code = "wrong-password"


@dataclass
class Proof:
    """Wrong guesses count like those at sign-in, and stay counted."""

    database: Database
    hasher: Hasher
    context: RequestContext
    principal: Principal

    async def by_code(self) -> Allowed:
        """Count a code before it is judged; `forgive` the counters if it was right. Raises TooManyAttempts."""
        throttle = Throttle(self.database, self.context)
        counters = throttle.of_account("code", self.principal.user_id)
        await throttle.reserve(counters)
        return counters

    async def by_password(self, password: str) -> str:
        """The stored hash, for whoever knows the password. Raises WrongPassword, TooManyAttempts, Unavailable."""
        throttle = Throttle(self.database, self.context)
        counters = throttle.of_account("password", self.principal.user_id)
        await throttle.reserve(counters)
        found = await UserRepository(self.database.reading(self.context)).credentials_of(self.principal.user_id)
        try:
            matches, _ = await self.hasher.verify(password, found.password_hash if found else None)
        except Unavailable:
            await throttle.release(counters)
            raise
        if found is None or not matches or is_over(found.password_expires_at):
            raise WrongPassword("The current password is not right.")
        await throttle.clear(counters)
        return str(found.password_hash)


def is_over(at: datetime | None) -> bool:
    return at is not None and at <= now()
