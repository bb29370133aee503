"""Sign-in rules. Each step writes in a unit of work of its own, so that it stays even if the request then fails."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.core.clock import now
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import Problem, Unauthenticated, Unavailable
from app.core.fields.ip_address import rate_limit_key
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.security.passwords import PasswordHasher
from app.modules.auth.repository import CounterRepository
from app.modules.auth.throttling.throttle import (
    RESET,
    Reservation,
    Throttle,
    hash_identifier,
    too_many_attempts,
)
from app.modules.second_factor import SecondFactorService
from app.modules.sessions import BadCredentials, LoginRepository, SessionTokens, TokenPair, login_log_entry
from app.modules.users import UserRepository, UserService


class SecondFactorNeeded(Unauthenticated):
    """The password is correct, and the user has a second factor: send its `code` as well."""

    code = "second-factor-needed"
    remedy = "Send the password again, with the present code of the app, or a recovery code, as `code`."


@dataclass
class Attempt:
    """One attempt to sign in: the typed identifier, the user that it names, and what was counted for it."""

    identifier: str
    user: AnyRow | None
    reservation: Reservation
    is_from_known_address: bool = False
    renewed_hash: str | None = None

    @property
    def user_id(self) -> UUID | None:
        return self.user.id if self.user else None

    @property
    def is_blocked(self) -> bool:
        """Whether not even the right password is enough."""
        return bool(self.reservation.wait) and not self.is_from_known_address

    def refusal(self) -> Problem:
        """The answer to everything but a right password."""
        if self.reservation.wait:
            return too_many_attempts(self.reservation.wait)
        return BadCredentials("The user name or the password is not right.")


@dataclass
class SignInService:
    """Opens a session for a name and a password."""

    database: Database
    hasher: PasswordHasher
    limit: ConcurrencyLimit
    context: RequestContext
    sessions: SessionTokens

    async def sign_in(
        self, identifier: str, password: str, code: str | None = None, *, is_browser: bool = False
    ) -> TokenPair:
        """Open a session with the right password and second factor. A checked attempt is logged.

        Raises BadCredentials, SecondFactorNeeded, TooManyAttempts, Unavailable.
        """
        throttle = Throttle(self.database, self.context)
        async with self.limit.enter():
            attempt = await self.reserve(identifier, throttle)
        try:
            attempt.renewed_hash = await self.check_password(attempt, password)
        except Unavailable:
            await throttle.release(attempt.reservation.counted)
            raise
        try:
            pair = await self.open_session(attempt, code, is_browser=is_browser)
        except BadCredentials as error:
            await self.log_failure(attempt, "changed-meanwhile")
            raise attempt.refusal() from error
        if pair is not None:
            return pair
        if code is None:
            await throttle.release(attempt.reservation.counted)
            raise SecondFactorNeeded("Send the code of your second factor as well.")
        await self.log_failure(attempt, "wrong-code")
        raise BadCredentials("The code is not right.")

    async def reserve(self, identifier: str, throttle: Throttle) -> Attempt:
        """Count the attempt before it is checked. Raises TooManyAttempts."""
        user = await UserRepository(self.database.read_session(self.context)).credentials(identifier)
        hashed = hash_identifier(self.database.keys.lookup, identifier)
        self.context.subject_id = user.id if user else None
        attempt = Attempt(identifier, user, await throttle.reserve_sign_in(hashed, self.context.subject_id))
        if attempt.reservation.wait:
            attempt.is_from_known_address = await throttle.has_signed_in_here(attempt.user_id)
        return attempt

    async def check_password(self, attempt: Attempt, password: str) -> str | None:
        """Check the password. Returns a new hash if its parameters were raised.

        Raises BadCredentials, TooManyAttempts, Unavailable.
        """
        user = attempt.user
        matches, renewed = await self.hasher.verify(password, user.password_hash if user else None)
        reason = refusal_reason(user, matches=matches) if user else "unknown"
        if reason is None and attempt.is_blocked:
            reason = "too-many-attempts"
        if reason:
            await self.log_failure(attempt, reason)
            raise attempt.refusal()
        return renewed

    async def open_session(self, attempt: Attempt, code: str | None, *, is_browser: bool) -> TokenPair | None:
        """Open a session after the right password; None where the second factor is missing or wrong."""
        known = attempt.user
        if known is None:
            raise BadCredentials("The user name or the password is not right.")
        async with self.limit.reenter(), self.database.unit_of_work(self.context) as session:
            user = await UserRepository(session).lock_active(known.id)
            if user is None or user.password_hash != known.password_hash:
                raise BadCredentials("The user name or the password is not right.")  # changed while it was checked
            factor = SecondFactorService(session)
            is_enrolled = await factor.is_enrolled(known.id)
            if is_enrolled and (code is None or not await factor.verify(known.id, code)):
                return None
            self.context.actor = Actor("user", known.id, known.username)
            self.context.auth_method = "password"
            if attempt.renewed_hash:
                await UserRepository(session).change(user, {"password_hash": attempt.renewed_hash})
            pair = await self.sessions.open(session, known.id, is_verified=is_enrolled, is_browser=is_browser)
            await CounterRepository(session).take_back(attempt.reservation.counted)
            return pair

    async def log_failure(self, attempt: Attempt, reason: str) -> None:
        unknown = hash_identifier(self.database.keys.lookup, attempt.identifier) if attempt.user is None else None
        values = {"user_id": attempt.user_id, "identifier_hash": unknown, "reason": reason}
        async with self.limit.reenter(), self.database.unit_of_work(self.context) as session:
            await LoginRepository(session).add(login_log_entry(self.context, is_successful=False, **values))


class UnlockService:
    """Lets a user whose attempts are blocked sign in again."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.users = UserService(session)

    async def unlock(self, user_id: UUID) -> None:
        """Remove every counter of this account, under any of its names. Raises NotFound, TargetHasMorePermissions."""
        user = await self.users.unlock(user_id)
        session = self.users.rows.writer
        await remove_counters(session, user_id, (user.username, user.email))


async def remove_counters(session: Session, user_id: UUID, names: Iterable[str]) -> None:
    """Remove every counter of an account with these names."""
    hashed = [hash_identifier(session.keys.lookup, name) for name in names]
    own = (f"{kind}:{user_id}" for kind in ("password", "code", "email"))
    for counter in (*own, *(f"{kind}:{name}" for kind in ("identifier", RESET) for name in hashed)):
        await CounterRepository(session).remove(counter)
    await CounterRepository(session).remove_of_user(user_id)


async def forget_counters(session: Session, person: Person) -> None:
    """Remove the counters of a person who is erased, and of the addresses from which the person called."""
    await remove_counters(session, person.id, person.words)
    for address in {rate_limit_key(ip) for ip in person.addresses}:
        await CounterRepository(session).remove_address(address)


def refusal_reason(user: AnyRow, *, matches: bool) -> str | None:
    """Why an existing user is not signed in, for the login log; None for one who may sign in."""
    if not matches:
        return "wrong-password"
    if user.is_service:
        return "service-account"
    if not user.is_active:
        return "inactive"
    if user.password_expires_at is not None and user.password_expires_at <= now():
        return "password-expired"
    return None
