"""Proof that an authenticated caller is still the same person: the password, or the second factor, again."""

from dataclasses import dataclass
from datetime import datetime

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.engine import Database
from app.core.errors import Forbidden, Unavailable
from app.core.security.passwords import PasswordHasher
from app.modules.auth import CounterLimits, Throttle
from app.modules.users import UserRepository


class WrongPassword(Forbidden):
    """The current password is not right. The session continues."""

    code = "wrong-password"
    remedy = "Type the current password again. Too many wrong ones are refused for a while."


@dataclass
class Reauthentication:
    """Counts wrong guesses like those at sign-in, even if the request then fails."""

    database: Database
    hasher: PasswordHasher
    context: RequestContext
    principal: Principal

    async def reserve_code(self) -> CounterLimits:
        """Count a code before it is checked; reset the counters if it was right. Raises TooManyAttempts."""
        throttle = Throttle(self.database, self.context)
        counters = throttle.account_counter("code", self.principal.user_id)
        await throttle.reserve(counters, self.principal.user_id)
        return counters

    async def reserve_email_change(self) -> None:
        """Count a change of the e-mail, whether it succeeds or not. Raises TooManyAttempts.

        The response tells whether the address has an account, which callers without `users:read` must not enumerate.
        """
        throttle = Throttle(self.database, self.context)
        user_id = self.principal.user_id
        await throttle.reserve(throttle.account_counter("email", user_id), user_id)

    async def verify_password(self, password: str) -> str:
        """The stored hash, if `password` is right. Raises WrongPassword, TooManyAttempts, Unavailable."""
        throttle = Throttle(self.database, self.context)
        counters = throttle.account_counter("password", self.principal.user_id)
        await throttle.reserve(counters, self.principal.user_id)
        users = UserRepository(self.database.read_session(self.context))
        user = await users.credentials_of(self.principal.user_id)
        try:
            matches, _ = await self.hasher.verify(password, user.password_hash if user else None)
        except Unavailable:
            await throttle.release(counters)
            raise
        if user is None or not matches or has_expired(user.password_expires_at):
            raise WrongPassword("The current password is not right.")
        await throttle.clear(counters)
        return str(user.password_hash)


def has_expired(at: datetime | None) -> bool:
    return at is not None and at <= now()
