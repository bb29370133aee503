"""Enrols, verifies and removes second factors."""

import secrets
import unicodedata
from base64 import b32encode
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

import pyotp

from app.core.clock import is_recent, now
from app.core.context import Principal
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, Unauthenticated
from app.core.security.encryption import decrypt, encrypt, is_equal, keyed_hash
from app.core.security.keys import Keys
from app.modules.second_factor.models import RecoveryCode, SecondFactor, SecondFactorUse
from app.modules.second_factor.repository import LockedFactor, RecoveryCodeRepository, SecondFactorRepository
from app.modules.second_factor.schemas import Enrolment, RecoveryCodes, SecondFactorRead
from app.modules.users import UserRepository

ISSUER = "Attest"
STEP_SECONDS = 30
WINDOW = 1
"""Steps by which the clock of a client may differ, in either direction."""
SECRET_BYTES = 20
CODES = 10
CODE_BYTES = 15
"""120 random bits: a keyed hash is enough (ASVS 6.5.2 requires a password hash below 112)."""


class StepUpRequired(Unauthenticated):
    """The second factor was not verified in this session, or too long ago (RFC 9470)."""

    code = "insufficient-user-authentication"
    remedy = "Verify the second factor in this session, and send the request again."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}


class AlreadyEnrolled(Conflict):
    """A second factor is active; remove it first."""

    code = "already-enrolled"
    remedy = "Remove the second factor that is active, then enrol another."


class NotEnrolled(Conflict):
    """There is no second factor, or none to confirm."""

    code = "not-enrolled"
    remedy = "Begin to enrol a second factor, then confirm it with its first code."


class SecondFactorService:
    """Second factors and recovery codes, in the caller's transaction."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = SecondFactorRepository(session)
        self.codes = RecoveryCodeRepository(session)
        self.keys = session.keys

    async def read(self, user_id: UUID) -> SecondFactorRead:
        """The state of a user's second factor."""
        confirmed_at = await self.rows.confirmed_at(user_id)
        left = await self.codes.count_unused(user_id) if confirmed_at else 0
        return SecondFactorRead(enrolled=confirmed_at is not None, confirmed_at=confirmed_at, recovery_codes_left=left)

    async def enrol(self, principal: Principal) -> Enrolment:
        """Store a new secret, active once it is confirmed. Raises AlreadyEnrolled."""
        secret = secrets.token_bytes(SECRET_BYTES)
        found = await self.rows.of_user(principal.user_id)
        if found is not None and found.row.confirmed_at is not None:
            raise AlreadyEnrolled("A second factor is active; remove it first.")
        encrypted = encrypt_secret(self.keys, principal.user_id, secret)
        if found is None:
            row = SecondFactor(user_id=principal.user_id, secret=encrypted)
            self.rows.writer.add_all([row, SecondFactorUse(id=row.id)])
        else:
            found.row.secret, found.use.last_step = encrypted, 0
        await self.rows.writer.flush()
        shown = b32encode(secret).decode()
        uri = pyotp.TOTP(shown).provisioning_uri(name=principal.username, issuer_name=ISSUER)
        return Enrolment(secret=shown, provisioning_uri=uri)

    async def confirm(self, user_id: UUID, code: str) -> RecoveryCodes | None:
        """Activate the factor and create recovery codes; None for a wrong code. Raises NotEnrolled."""
        found = await self.rows.of_user(user_id)
        if found is None or found.row.confirmed_at is not None:
            raise NotEnrolled("There is no second factor to confirm.")
        if not self.accept(found, bare_code(code)):
            return None
        await self.rows.change(found.row, {"confirmed_at": now()})
        return await self.renew_codes(user_id)

    async def is_enrolled(self, user_id: UUID) -> bool:
        return await self.rows.confirmed_at(user_id) is not None

    async def check_enrolled(self, user_id: UUID) -> None:
        """Raise NotEnrolled unless the user has an active second factor."""
        if not await self.is_enrolled(user_id):
            raise NotEnrolled("There is no second factor.")

    async def verify(self, user_id: UUID, code: str) -> bool:
        """Whether `code` is the current code or a recovery code. It is valid once; without a factor no code is."""
        found = await self.rows.of_user(user_id)
        if found is None or found.row.confirmed_at is None:
            return False
        typed = bare_code(code)
        return self.accept(found, typed) or await self.use_recovery_code(user_id, typed)

    def accept(self, found: LockedFactor, code: str) -> bool:
        """Whether `code` is current. Remembers its time step, so that it is valid once."""
        row, use = found
        secret = decrypt(self.keys.second_factor, row.secret, row.user_id.bytes)
        if not secret:
            raise NotEnrolled("There is no second factor; begin to enrol one.")
        totp = pyotp.TOTP(b32encode(secret).decode())
        step = int(now().timestamp()) // STEP_SECONDS
        for candidate in range(step - WINDOW, step + WINDOW + 1):
            if candidate > use.last_step and is_equal(
                totp.generate_otp(candidate).encode(), code.encode("utf-8", "replace")
            ):
                use.last_step = candidate
                return True
        return False

    async def use_recovery_code(self, user_id: UUID, code: str) -> bool:
        """Whether `code` is an unused recovery code; it is used from now on."""
        row = await self.codes.load_unused(user_id, hash_code(self.keys, code))
        if row is None:
            return False
        await self.codes.change(row, {"used_at": now()})
        return True

    async def renew_codes(self, user_id: UUID) -> RecoveryCodes:
        """Replace the recovery codes."""
        for row in await self.codes.of_user(user_id):
            await self.codes.remove(row)
        codes = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
        for code in codes:
            await self.codes.add(RecoveryCode(user_id=user_id, code_hash=hash_code(self.keys, code)))
        return RecoveryCodes(recovery_codes=codes)

    async def remove(self, user_id: UUID) -> None:
        """Deactivate the factor and remove the recovery codes. Raises NotEnrolled."""
        found = await self.rows.of_user(user_id)
        if found is None or found.row.confirmed_at is None:
            raise NotEnrolled("There is no second factor.")
        await self.rows.change(found.row, {"confirmed_at": None, "secret": encrypt_secret(self.keys, user_id, b"")})
        for code in await self.codes.of_user(user_id):
            await self.codes.remove(code)


class LostFactorService:
    """Helps users who lost their second factor."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.users = UserRepository(session)
        self.factors = SecondFactorService(session)

    async def remove(self, user_id: UUID) -> None:
        """Remove the factor of another user. Raises NotFound, NotEnrolled, TargetHasMorePermissions."""
        await self.users.get(user_id)
        await self.factors.remove(user_id)


def encrypt_secret(keys: Keys, user_id: UUID, secret: bytes) -> bytes:
    return encrypt(keys.second_factor, secret, user_id.bytes)


def bare_code(code: str) -> str:
    """A typed code without the blanks and hyphens with which apps show it, its digits and letters as in ASCII."""
    folded = unicodedata.normalize("NFKC", code).casefold()
    return "".join(str(unicodedata.decimal(each, each)) for each in folded if each.isalnum())


def hash_code(keys: Keys, code: str) -> str:
    """A recovery code as it is stored."""
    return keyed_hash(keys.lookup, code.encode("utf-8", "replace")).hex()


def check_step_up(principal: Principal, ttl: int) -> None:
    """Raise StepUpRequired unless the caller, if enrolled, verified the second factor in the last `ttl` seconds."""
    if not principal.has_second_factor:
        return
    if principal.verified_at is None or not is_recent(principal.verified_at, timedelta(seconds=ttl), now()):
        raise StepUpRequired("This needs your second factor again: POST /api/v1/auth/step-up.")
