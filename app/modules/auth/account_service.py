"""What somebody signed in does with their own account: profile, password, second factor."""

from dataclasses import dataclass

from app.core.context import Principal, RequestContext
from app.core.db import Database, Session
from app.core.errors import Forbidden, invalid
from app.core.guard import refuse_without_step_up
from app.core.schema import Patch
from app.core.security import Hasher, normalised
from app.core.types import now
from app.modules.auth.proof import Proof, WrongPassword
from app.modules.auth.repository import SessionRepository
from app.modules.auth.session_service import end_sessions
from app.modules.auth.throttle import forgive
from app.modules.second_factor import Enrolment, RecoveryCodes, SecondFactorService
from app.modules.users import User, UserRepository, UserService


class WrongCode(Forbidden):
    """The code is not right, or was used before; the session goes on."""

    code = "wrong-code"


@dataclass
class Account:
    """Each change is a unit of work of its own, after the proof that it takes."""

    database: Database
    hasher: Hasher
    context: RequestContext
    principal: Principal

    @property
    def proof(self) -> Proof:
        return Proof(self.database, self.hasher, self.context, self.principal)

    def refuse_without_step_up(self) -> None:
        refuse_without_step_up(self.principal, self.database.settings.auth.step_up_ttl)

    async def change_password(self, current: str, new: str) -> None:
        """Every other session ends. Raises WrongPassword, TooManyAttempts, Invalid."""
        user_id, pointer = self.principal.user_id, "/body/new_password"
        known = await self.proof.by_password(current)
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
            await self.proof.by_password(password.get_secret_value())
        async with self.database.unit_of_work(self.context) as session:
            rows = UserRepository(session)
            return await rows.change(await rows.load(self.principal.user_id, if_match), changes)

    async def enrol(self, current_password: str) -> Enrolment:
        """A second factor that waits to be confirmed. Raises WrongPassword, TooManyAttempts, AlreadyEnrolled."""
        await self.proof.by_password(current_password)
        async with self.database.unit_of_work(self.context) as session:
            return await SecondFactorService(session).enrol(self.principal)

    async def confirm_factor(self, code: str) -> RecoveryCodes:
        """Put the second factor in force. Raises WrongCode, TooManyAttempts, NotEnrolled."""
        counters = await self.proof.by_code()
        async with self.database.unit_of_work(self.context) as session:
            codes = await SecondFactorService(session).confirm(self.principal.user_id, code)
            if codes is not None:
                await forgive(session, counters)
                await self.note_step_up(session)
                return codes
        raise WrongCode("The code is not right.")

    async def step_up(self, code: str) -> None:
        """Show the second factor in this session. Raises WrongCode, TooManyAttempts."""
        counters = await self.proof.by_code()
        async with self.database.unit_of_work(self.context) as session:
            if await SecondFactorService(session).verify(self.principal.user_id, code):
                await forgive(session, counters)
                await self.note_step_up(session)
                return
        raise WrongCode("The code is not right, or was used before.")

    async def renew_recovery_codes(self) -> RecoveryCodes:
        """Raises StepUpRequired, NotEnrolled."""
        self.refuse_without_step_up()
        async with self.database.unit_of_work(self.context) as session:
            await SecondFactorService(session).refuse_unless_enrolled(self.principal.user_id)
            return await SecondFactorService(session).renew_codes(self.principal.user_id)

    async def remove_factor(self) -> None:
        """Raises StepUpRequired, NotEnrolled."""
        self.refuse_without_step_up()
        async with self.database.unit_of_work(self.context) as session:
            await SecondFactorService(session).remove(self.principal.user_id)

    async def note_step_up(self, session: Session) -> None:
        if self.principal.session_id is not None:
            row = await SessionRepository(session).load(self.principal.session_id)
            row.verified_at = now()
