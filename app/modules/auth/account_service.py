"""What somebody signed in does with their own account: password, second factor, sessions, login log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import ua_parser

from app.core.config import AuthSettings
from app.core.context import Principal, RequestContext
from app.core.db import Database, ReadSession, Session
from app.core.errors import Forbidden, NotFound, Unavailable, invalid
from app.core.guard import refuse_without_step_up
from app.core.page import PageQuery, Window
from app.core.schema import Patch
from app.core.security import Hasher, normalised
from app.core.types import AnyRow, now
from app.modules.auth.repository import CounterRepository, LoginRepository, SessionRepository
from app.modules.auth.schemas import SessionRead
from app.modules.auth.service import digest
from app.modules.auth.throttle import Throttle, forgive
from app.modules.second_factor import Enrolment, RecoveryCodes, SecondFactorService
from app.modules.users import User, UserRepository, UserService


class WrongPassword(Forbidden):
    """The current password is not right; the session goes on."""

    code = "wrong-password"


class WrongCode(Forbidden):
    """The code is not right, or was used before; the session goes on."""

    code = "wrong-code"


@dataclass
class Account:
    """What needs proof: wrong guesses count like those at sign-in, and stay counted."""

    database: Database
    hasher: Hasher
    context: RequestContext
    principal: Principal

    @property
    def settings(self) -> AuthSettings:
        return self.database.settings.auth

    async def change_password(self, current: str, new: str) -> None:
        """Every other session ends. Raises WrongPassword, TooManyAttempts, Invalid."""
        user_id, pointer = self.principal.user_id, "/body/new_password"
        known = await self.prove(current)
        if normalised(new) == normalised(current):
            raise invalid(pointer, "Choose another password than the current one.", "password-same")
        users = UserService(self.database.reading(self.context), self.hasher)
        hashed = await users.accepted_for(user_id, new, pointer)
        async with self.database.unit_of_work(self.context) as session:
            row = await UserRepository(session).lock_active(user_id)
            if row is None or row.password_hash != known:
                raise WrongPassword("The current password is not right.")  # changed while it was checked
            await UserService(session).set_password(row, hashed)
            await end_sessions(session, user_id, "password-change", but=self.principal.session_id)

    async def change_profile(self, data: Patch, if_match: str | None) -> User:
        """Raises Invalid, WrongPassword, TooManyAttempts, StaleVersion, StepUpRequired."""
        changes = data.changes()
        password = changes.pop("current_password", None)
        row = await UserRepository(self.database.reading(self.context)).get(self.principal.user_id)
        if changes.get("email", row.email) != row.email:
            if password is None:
                pointer = "/body/current_password"
                raise invalid(pointer, "Another e-mail takes your current password.", "missing")
            await self.prove(password.get_secret_value())
        async with self.database.unit_of_work(self.context) as session:
            rows = UserRepository(session)
            return await rows.change(await rows.load(self.principal.user_id, if_match), changes)

    async def enrol(self, current_password: str) -> Enrolment:
        """A second factor that waits to be confirmed. Raises WrongPassword, TooManyAttempts, AlreadyEnrolled."""
        await self.prove(current_password)
        async with self.database.unit_of_work(self.context) as session:
            return await SecondFactorService(session).enrol(self.principal)

    async def confirm_factor(self, code: str) -> RecoveryCodes:
        """Put the second factor in force. Raises WrongCode, TooManyAttempts, NotEnrolled."""
        counters = await self.reserve()
        async with self.database.unit_of_work(self.context) as session:
            codes = await SecondFactorService(session).confirm(self.principal.user_id, code)
            if codes is not None:
                await forgive(session, counters)
                await self.note_step_up(session)
                return codes
        raise WrongCode("The code is not right.")

    async def step_up(self, code: str) -> None:
        """Show the second factor in this session. Raises WrongCode, TooManyAttempts."""
        counters = await self.reserve()
        async with self.database.unit_of_work(self.context) as session:
            if await SecondFactorService(session).verify(self.principal.user_id, code):
                await forgive(session, counters)
                await self.note_step_up(session)
                return
        raise WrongCode("The code is not right, or was used before.")

    async def renew_recovery_codes(self) -> RecoveryCodes:
        """Raises StepUpRequired."""
        refuse_without_step_up(self.principal, self.settings.step_up_ttl)
        async with self.database.unit_of_work(self.context) as session:
            return await SecondFactorService(session).renew_codes(self.principal.user_id)

    async def remove_factor(self) -> None:
        """Raises StepUpRequired, NotEnrolled."""
        refuse_without_step_up(self.principal, self.settings.step_up_ttl)
        async with self.database.unit_of_work(self.context) as session:
            await SecondFactorService(session).remove(self.principal.user_id)

    async def note_step_up(self, session: Session) -> None:
        if self.principal.session_id is not None:
            row = await SessionRepository(session).load(self.principal.session_id)
            row.verified_at = now()

    async def reserve(self) -> dict[str, int]:
        throttle = Throttle(self.database, self.context)
        counters = throttle.of_account("code", self.principal.user_id)
        await throttle.reserve(counters)
        return counters

    async def prove(self, password: str) -> str:
        """The stored hash, for whoever knows the password. Raises WrongPassword, TooManyAttempts, Unavailable."""
        throttle = Throttle(self.database, self.context)
        counters = throttle.of_account("password", self.principal.user_id)
        await throttle.reserve(counters)
        found = await UserRepository(self.database.reading(self.context)).credentials(self.principal.username)
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


class SessionService:
    """Open sessions and the login log, of oneself or of users that one administers."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.session = session

    async def page(self, user_id: UUID, current: UUID | None, query: PageQuery, settings: AuthSettings) -> Window:
        """The open sessions of a user. Raises NotFound."""
        user = await UserRepository(self.session).active(user_id)
        if user is None:
            await UserRepository(self.session).get(user_id)
            return Window([], None, 0 if query.total else None)
        used_after = now() - timedelta(seconds=settings.idle_ttl)
        window = await SessionRepository(self.session).of_user(user_id, used_after, user.signed_out_at, query)
        return Window([shown(row, current) for row in window.items], window.next_cursor, window.total)

    async def logins(self, query: PageQuery, user_id: UUID | None = None) -> Window:
        """The login log, of one user or of everybody."""
        rows = LoginRepository(self.session)
        statement = rows.where(rows.select(), query)
        if user_id is None:
            return await rows.window(statement, query)
        return await rows.window(statement.where(rows.table.c.user_id == user_id), query, f"logins/{user_id}")

    async def end(self, user_id: UUID, id: UUID, reason: str) -> None:
        """End one session of the user. Raises NotFound, also for somebody else's and for one that is over."""
        row = await SessionRepository(self.writer).lock(id)
        if row is None or row.user_id != user_id or row.revoked_at is not None:
            raise NotFound(f"There is no open session {id}.")
        row.revoke(reason)

    async def end_all(self, user_id: UUID, reason: str, but: UUID | None = None) -> None:
        """End the user's sessions. Raises NotFound."""
        await UserRepository(self.writer).get(user_id)
        await end_sessions(self.writer, user_id, reason, but=but)

    async def unlock(self, user_id: UUID) -> None:
        """Forget wrong guesses at this account, by whatever name. Raises NotFound, Dominated."""
        user = await UserService(self.writer).unlock(user_id)
        names = [digest(self.writer.keys.lookup, name) for name in (user.username, user.email)]
        for counter in (f"password:{user_id}", f"code:{user_id}", *(f"identifier:{name}" for name in names)):
            await CounterRepository(self.writer).forget(counter)

    async def remove_factor(self, user_id: UUID) -> None:
        """Take the second factor from somebody who lost it. Raises NotFound, NotEnrolled."""
        await UserRepository(self.writer).get(user_id)
        await SecondFactorService(self.writer).remove(user_id)

    @property
    def writer(self) -> Session:
        return SessionRepository(self.session).writer


async def end_sessions(session: Session, user_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    for row in await SessionRepository(session).open_sessions(user_id):
        if row.id != but:
            row.revoke(reason)
    await session.flush()


def shown(row: AnyRow, current: UUID | None) -> SessionRead:
    return SessionRead(
        id=row.id,
        created_at=row.created_at,
        last_used_at=row.used_at,
        expires_at=row.expires_at,
        ip=row.ip,
        user_agent=row.user_agent,
        device=device(row.user_agent),
        second_factor_at=row.verified_at,
        is_current=row.id == current,
    )


def device(user_agent: str | None) -> str:
    """A browser or program, and what it runs on, in words."""
    found = ua_parser.parse(user_agent or "")
    program = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    return " on ".join(part for part in (program, system) if part) or "Unknown"
