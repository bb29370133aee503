"""Sign-in rules. Each fact here is its own durable unit of work: it stays, even where the request then fails."""

import hashlib
import hmac
from dataclasses import dataclass, field
from uuid import UUID

from app.core.context import Actor, RequestContext
from app.core.db import Database
from app.core.errors import Unauthenticated, Unavailable
from app.core.security import Hasher
from app.core.turns import Turns
from app.core.types import AnyRow, now
from app.modules.auth.repository import LoginRepository
from app.modules.auth.schemas import TokenPair
from app.modules.auth.sessions import BadCredentials, Sessions, attempt
from app.modules.auth.throttle import Throttle, forgive
from app.modules.second_factor import SecondFactorService
from app.modules.users import UserRepository


class SecondFactorNeeded(Unauthenticated):
    """The password is right, and the user has a second factor: send its `code` as well."""

    code = "second-factor-needed"


@dataclass
class Guess:
    """One attempt to sign in: what was typed, and whom that names."""

    identifier: str
    found: AnyRow | None
    counters: dict[str, int] = field(default_factory=dict)
    renewed_hash: str | None = None

    @property
    def user_id(self) -> UUID | None:
        return self.found.id if self.found else None


@dataclass
class SignIn:
    """From a name and a password to a session."""

    database: Database
    hasher: Hasher
    turns: Turns
    context: RequestContext
    sessions: Sessions

    async def sign_in(self, identifier: str, password: str, code: str | None = None) -> TokenPair:
        """A new session for whoever knows the password (and the second factor); what was judged is logged.

        Raises BadCredentials, SecondFactorNeeded, TooManyAttempts, Unavailable.
        """
        throttle = Throttle(self.database, self.context)
        async with self.turns.begin():
            guess = await self.begin(identifier, throttle)
        try:
            guess.renewed_hash = await self.check_password(guess, password)
        except Unavailable:
            await throttle.release(guess.counters)
            raise
        try:
            pair = await self.enter(guess, code)
        except BadCredentials:
            await self.log_failure(guess, "changed-meanwhile")
            raise
        if pair is not None:
            return pair
        if code is None:
            await throttle.release(guess.counters)
            raise SecondFactorNeeded("Send the code of your second factor as well.")
        await self.log_failure(guess, "wrong-code")
        raise BadCredentials("The code is not right.")

    async def begin(self, identifier: str, throttle: Throttle) -> Guess:
        """Count the attempt before it is judged. Raises TooManyAttempts."""
        found = await UserRepository(self.database.reading(self.context)).credentials(identifier)
        guess = Guess(identifier, found)
        guess.counters = await throttle.of_sign_in(guess.user_id, digest(self.database.keys.lookup, identifier))
        await throttle.reserve(guess.counters)
        return guess

    async def check_password(self, guess: Guess, password: str) -> str | None:
        """A new hash, if the parameters rose. Raises BadCredentials, Unavailable."""
        found = guess.found
        matches, renewed = await self.hasher.verify(password, found.password_hash if found else None)
        reason = refusal(found, matches=matches) if found else "unknown"
        if reason:
            await self.log_failure(guess, reason)
            raise BadCredentials("The user name or the password is not right.")
        return renewed

    async def enter(self, guess: Guess, code: str | None) -> TokenPair | None:
        """A session for whoever knew the password; None where the second factor is missing or wrong."""
        found = guess.found
        if found is None:
            raise BadCredentials("The user name or the password is not right.")
        async with self.turns.go_on(), self.database.unit_of_work(self.context) as session:
            user = await UserRepository(session).lock_active(found.id)
            if user is None or user.password_hash != found.password_hash:
                raise BadCredentials("The user name or the password is not right.")  # changed while it was checked
            factor = SecondFactorService(session)
            is_enrolled = await factor.is_enrolled(found.id)
            if is_enrolled and (code is None or not await factor.verify(found.id, code)):
                return None
            self.context.actor = Actor("user", found.id, found.username)
            self.context.auth_method = "password"
            await forgive(session, guess.counters)
            if guess.renewed_hash:
                await UserRepository(session).change(user, {"password_hash": guess.renewed_hash})
            return await self.sessions.open(session, found.id, is_verified=is_enrolled)

    async def log_failure(self, guess: Guess, reason: str) -> None:
        unknown = digest(self.database.keys.lookup, guess.identifier) if guess.found is None else None
        values = {"user_id": guess.user_id, "identifier_hash": unknown, "reason": reason}
        async with self.turns.go_on(), self.database.unit_of_work(self.context) as session:
            await LoginRepository(session).add(attempt(self.context, is_successful=False, **values))


def digest(key: bytes, identifier: str) -> str:
    """A typed name as it is counted and, where it is nobody's, kept."""
    return hmac.new(key, identifier.lower().encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def refusal(found: AnyRow, *, matches: bool) -> str | None:
    """Why somebody who exists does not get in, for the log; None where they do."""
    if not matches:
        return "wrong-password"
    if found.is_service:
        return "service-account"
    if not found.is_active:
        return "inactive"
    if found.password_expires_at is not None and found.password_expires_at <= now():
        return "password-expired"
    return None
