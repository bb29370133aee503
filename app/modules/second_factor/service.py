"""Enrolling, showing and losing a second factor."""

import hmac
import secrets
from base64 import b32encode
from uuid import UUID

import pyotp

from app.core.context import Principal
from app.core.db import ReadSession, Session
from app.core.errors import Conflict
from app.core.types import now
from app.modules.second_factor.models import RecoveryCode, SecondFactor
from app.modules.second_factor.repository import RecoveryCodeRepository, SecondFactorRepository
from app.modules.second_factor.schemas import Enrolment, RecoveryCodes, SecondFactorRead
from app.modules.second_factor.sealing import digest, seal, unseal

ISSUER = "Attest"
STEP_SECONDS = 30
WINDOW = 1
"""Steps by which a client's clock may be off, either way."""
SECRET_BYTES = 20
CODES = 10
CODE_BYTES = 15
"""120 random bits: a keyed hash is enough (ASVS 6.5.2 asks for a password hash below 112)."""


class AlreadyEnrolled(Conflict):
    """There is a factor in force; remove it first."""

    code = "already-enrolled"


class NotEnrolled(Conflict):
    """There is no factor (to confirm)."""

    code = "not-enrolled"


class SecondFactorService:
    """All of it in the caller's transaction."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = SecondFactorRepository(session)
        self.codes = RecoveryCodeRepository(session)
        self.keys = session.keys

    async def read(self, user_id: UUID) -> SecondFactorRead:
        found = await self.rows.state(user_id)
        confirmed_at = found.confirmed_at if found else None
        left = await self.codes.left(user_id) if confirmed_at else 0
        return SecondFactorRead(enrolled=confirmed_at is not None, confirmed_at=confirmed_at, recovery_codes_left=left)

    async def enrol(self, principal: Principal) -> Enrolment:
        """A new secret, which counts once it is confirmed. Raises AlreadyEnrolled."""
        secret = secrets.token_bytes(SECRET_BYTES)
        row = await self.rows.of_user(principal.user_id)
        if row is not None and row.confirmed_at is not None:
            raise AlreadyEnrolled("A second factor is in force; remove it first.")
        sealed = seal(self.keys.second_factor, principal.user_id, secret)
        if row is None:
            await self.rows.add(SecondFactor(user_id=principal.user_id, secret=sealed))
        else:
            await self.rows.change(row, {"secret": sealed, "last_step": 0})
        shown = b32encode(secret).decode()
        uri = pyotp.TOTP(shown).provisioning_uri(name=principal.username, issuer_name=ISSUER)
        return Enrolment(secret=shown, provisioning_uri=uri)

    async def confirm(self, user_id: UUID, code: str) -> RecoveryCodes | None:
        """Put the factor in force and make recovery codes; None for a wrong code. Raises NotEnrolled."""
        row = await self.rows.of_user(user_id)
        if row is None or row.confirmed_at is not None:
            raise NotEnrolled("There is no second factor that waits to be confirmed.")
        if not await self.accept(row, code):
            return None
        await self.rows.change(row, {"confirmed_at": now()})
        return await self.renew_codes(user_id)

    async def is_enrolled(self, user_id: UUID) -> bool:
        found = await self.rows.state(user_id)
        return found is not None and found.confirmed_at is not None

    async def refuse_unless_enrolled(self, user_id: UUID) -> None:
        """Raises NotEnrolled."""
        if not await self.is_enrolled(user_id):
            raise NotEnrolled("There is no second factor.")

    async def verify(self, user_id: UUID, code: str) -> bool:
        """Whether `code` is the current one, or a recovery code; it is good once. Nobody enrolled, nothing is good."""
        row = await self.rows.of_user(user_id)
        if row is None or row.confirmed_at is None:
            return False
        return await self.accept(row, code) or await self.use_recovery_code(user_id, code)

    async def accept(self, row: SecondFactor, code: str) -> bool:
        secret = unseal(self.keys.second_factor, row.user_id, row.secret)
        if not secret:
            raise NotEnrolled("There is no second factor; begin to enrol one.")
        totp = pyotp.TOTP(b32encode(secret).decode())
        step = int(now().timestamp()) // STEP_SECONDS
        for candidate in range(step - WINDOW, step + WINDOW + 1):
            if candidate > row.last_step and hmac.compare_digest(
                totp.generate_otp(candidate).encode(), code.encode("utf-8", "replace")
            ):
                await self.rows.change(row, {"last_step": candidate})
                return True
        return False

    async def use_recovery_code(self, user_id: UUID, code: str) -> bool:
        found = await self.codes.unused(user_id, digest(self.keys.lookup, code))
        if found is None:
            return False
        await self.codes.change(found, {"used_at": now()})
        return True

    async def renew_codes(self, user_id: UUID) -> RecoveryCodes:
        """New recovery codes; the ones before are worth nothing."""
        for row in await self.codes.of_user(user_id):
            await self.codes.remove(row)
        codes = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
        for code in codes:
            await self.codes.add(RecoveryCode(user_id=user_id, code_hash=digest(self.keys.lookup, code)))
        return RecoveryCodes(recovery_codes=codes)

    async def remove(self, user_id: UUID) -> None:
        """The factor is no longer in force. Raises NotEnrolled."""
        row = await self.rows.of_user(user_id)
        if row is None or row.confirmed_at is None:
            raise NotEnrolled("There is no second factor.")
        await self.rows.change(row, {"confirmed_at": None, "secret": seal(self.keys.second_factor, user_id, b"")})
        for code in await self.codes.of_user(user_id):
            await self.codes.remove(code)
