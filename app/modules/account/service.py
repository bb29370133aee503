"""Changes of one's own account: profile, password, second factor."""

from dataclasses import dataclass

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import Forbidden, invalid
from app.core.resources.schemas import Patch
from app.core.resources.service import reload_one
from app.core.security.passwords import PasswordHasher, normalize_password
from app.modules.account.reauthentication.reauthentication import Reauthentication, WrongPassword
from app.modules.auth import reset_counters
from app.modules.email_verification import VerificationService
from app.modules.mail import Mailer
from app.modules.second_factor import Enrolment, RecoveryCodes, SecondFactorService, check_step_up
from app.modules.sessions import SessionRepository, end_sessions
from app.modules.users import User, UserRepository, UserService


class WrongCode(Forbidden):
    """The code is not right, or was used before. The session continues."""

    code = "wrong-code"
    remedy = "Wait for the next code of the app, and type that."


@dataclass
class AccountService:
    """Changes the caller's own account. Each change is a unit of work of its own, after reauthentication."""

    database: Database
    hasher: PasswordHasher
    context: RequestContext
    principal: Principal

    @property
    def reauthentication(self) -> Reauthentication:
        return Reauthentication(self.database, self.hasher, self.context, self.principal)

    def check_step_up(self) -> None:
        check_step_up(self.principal, self.database.settings.auth.step_up_ttl)

    async def change_password(self, current: str, new: str) -> None:
        """Set another password and end every other session. Raises WrongPassword, TooManyAttempts, Invalid."""
        user_id, pointer = self.principal.user_id, "/body/new_password"
        known = await self.reauthentication.verify_password(current)
        if normalize_password(new) == normalize_password(current):
            raise invalid(pointer, "Choose another password than the current one.", "password-same")
        users = UserService(self.database.read_session(self.context), self.hasher)
        hashed = await users.hash_own_password(user_id, new, pointer)
        async with self.database.unit_of_work(self.context) as session:
            row = await UserRepository(session).lock_active(user_id)
            if row is None or row.password_hash != known:
                raise WrongPassword("The current password is not right.")  # changed while it was checked
            await UserService(session).set_password(row, hashed)
            await end_sessions(session, user_id, "password-change", but=self.principal.session_id)

    async def change_profile(self, data: Patch, if_match: str | None) -> User:
        """Change names or e-mail. Raises Invalid, WrongPassword, TooManyAttempts, StaleVersion, StepUpRequired."""
        changes = data.changes()
        password = changes.pop("current_password", None)
        row = await UserRepository(self.database.read_session(self.context)).get(self.principal.user_id)
        if changes.get("email", row.email) != row.email:
            if password is None:
                pointer = "/body/current_password"
                raise invalid(pointer, "Another e-mail needs your current password.", "missing")
            await self.reauthentication.verify_password(password.get_secret_value())
            await self.reauthentication.reserve_email_change()
        async with self.database.unit_of_work(self.context) as session:
            rows = UserRepository(session)
            row = await rows.load(self.principal.user_id, if_match)
            is_moved = changes.get("email", row.email) != row.email
            row = await rows.change(row, changes)
            if is_moved and Mailer(self.database.settings).is_on:
                await VerificationService(session).ask(row.id, self.database.settings)
            return await reload_one(rows, row)

    async def enrol(self, current_password: str) -> Enrolment:
        """Begin to enrol a second factor. Raises WrongPassword, TooManyAttempts, AlreadyEnrolled."""
        await self.reauthentication.verify_password(current_password)
        async with self.database.unit_of_work(self.context) as session:
            return await SecondFactorService(session).enrol(self.principal)

    async def confirm_factor(self, code: str) -> RecoveryCodes:
        """Activate the second factor. Raises WrongCode, TooManyAttempts, NotEnrolled."""
        counters = await self.reauthentication.reserve_code()
        async with self.database.unit_of_work(self.context) as session:
            codes = await SecondFactorService(session).confirm(self.principal.user_id, code)
            if codes is not None:
                await reset_counters(session, counters)
                await self.record_step_up(session)
                return codes
        raise WrongCode("The code is not right.")

    async def step_up(self, code: str) -> None:
        """Verify the second factor in this session. Raises WrongCode, TooManyAttempts."""
        counters = await self.reauthentication.reserve_code()
        async with self.database.unit_of_work(self.context) as session:
            if await SecondFactorService(session).verify(self.principal.user_id, code):
                await reset_counters(session, counters)
                await self.record_step_up(session)
                return
        raise WrongCode("The code is not right, or was used before.")

    async def renew_recovery_codes(self) -> RecoveryCodes:
        """Replace the recovery codes. Raises StepUpRequired, NotEnrolled."""
        self.check_step_up()
        async with self.database.unit_of_work(self.context) as session:
            await SecondFactorService(session).check_enrolled(self.principal.user_id)
            return await SecondFactorService(session).renew_codes(self.principal.user_id)

    async def remove_factor(self) -> None:
        """Remove the second factor. Raises StepUpRequired, NotEnrolled."""
        self.check_step_up()
        async with self.database.unit_of_work(self.context) as session:
            await SecondFactorService(session).remove(self.principal.user_id)

    async def record_step_up(self, session: Session) -> None:
        """Record on the session that the second factor was verified now."""
        if self.principal.session_id is not None:
            row = await SessionRepository(session).load(self.principal.session_id)
            row.verified_at = now()
