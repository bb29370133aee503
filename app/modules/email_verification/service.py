"""Mails tokens to the addresses of users, and records that they came back."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.config import Settings
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.session import ReadSession, Session
from app.core.errors import Unauthenticated
from app.core.fields.folding import fold_email
from app.core.security.encryption import keyed_hash
from app.core.security.keys import Keys
from app.modules.auth import Throttle, TooManyAttempts
from app.modules.email_verification.models import EmailVerification
from app.modules.email_verification.repository import EmailVerificationRepository
from app.modules.email_verification.schemas import EmailRead
from app.modules.mail import Mailer, token_letter
from app.modules.users import UserRepository

PREFIX = "ev_"
PAGE = "/console/email-verification"
TOKEN_BYTES = 32
PAUSE = timedelta(minutes=1)
"""The least time between two mails to a user."""


class BadVerification(Unauthenticated):
    """The token is over, for an address that the user has no more, or never was; the response does not tell which."""

    code = "bad-email-verification"
    remedy = "Ask for another mail. The newest one works, for the address that the account has."


class VerificationService:
    """The verification of the address of a user."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = EmailVerificationRepository(session)
        self.users = UserRepository(session)
        self.keys = session.keys

    async def read(self, user_id: UUID) -> EmailRead:
        """The address of a user, and since when it is verified. Raises NotFound."""
        user, row = await self.users.get(user_id), await self.rows.of_user(user_id)
        is_same = row is not None and row.address_hash == hash_address(self.keys, user_id, user.email)
        return EmailRead(email=user.email, verified_at=row.verified_at if row is not None and is_same else None)

    async def ask(self, user_id: UUID, settings: Settings, language: str | None = None) -> None:
        """Mail a token to the address of a user, unless it is verified. Raises MailIsOff, TooManyAttempts, NotFound."""
        mailer, at = Mailer(settings), now()
        mailer.check_on()
        user, row = await self.users.load(user_id), await self.rows.load_of(user_id)
        address_hash = hash_address(self.keys, user_id, user.email)
        is_same = row is not None and row.address_hash == address_hash
        if row is not None and is_same and row.verified_at is not None:
            return
        if row is not None and is_same and at < row.asked_at + PAUSE:
            seconds = int(PAUSE.total_seconds())
            raise TooManyAttempts(f"A mail was sent just now; wait {seconds} seconds.", Retry_After=str(seconds))
        token, until = f"{PREFIX}{secrets.token_urlsafe(TOKEN_BYTES)}", at + timedelta(seconds=settings.mail.verify_ttl)
        values: dict[str, Any] = {
            "token_hash": hash_token(self.keys, token),
            "address_hash": address_hash,
            "asked_at": at,
            "expires_at": until,
            "verified_at": None,
        }
        await (self.rows.change(row, values) if row else self.rows.add(EmailVerification(user_id=user_id, **values)))
        link = mailer.write_link(settings.mail.verify_page, PAGE, token)
        letter = token_letter("email-verification", user, token, link, until, language)
        await mailer.send(self.rows.writer, letter)


@dataclass
class ConfirmationService:
    """Records that a token came back, from a person who need not be signed in."""

    database: Database
    context: RequestContext

    async def confirm(self, token: str) -> None:
        """Record that an address is its user's; again changes nothing. Raises BadVerification, TooManyAttempts."""
        throttle = Throttle(self.database, self.context)
        counted = throttle.address_counter()
        await throttle.reserve(counted, None)
        async with self.database.unit_of_work(self.context) as session:
            await record_confirmation(session, token)
        await throttle.release(counted)


async def record_confirmation(session: Session, token: str) -> None:
    """Record that a token came back. Raises BadVerification."""
    rows = EmailVerificationRepository(session)
    row = await rows.load_by_token(hash_token(session.keys, token))
    user = await UserRepository(session).lock_active(row.user_id) if row is not None else None
    if row is None or user is None or now() >= row.expires_at:
        raise BadVerification("This token is not valid.")
    if row.address_hash != hash_address(session.keys, user.id, user.email):
        raise BadVerification("This token is not valid.")
    session.context.actor = Actor("user", user.id, user.username)
    session.context.auth_method = "email-token"
    if row.verified_at is None:
        await rows.change(row, {"verified_at": now()})


def hash_token(keys: Keys, token: str) -> str:
    return keyed_hash(keys.lookup, b"email verification\n" + token.encode("utf-8", "replace")).hex()


def hash_address(keys: Keys, user_id: UUID, email: str) -> str:
    """The keyed hash of an address, the same in all its spellings, and another for each user."""
    return keyed_hash(keys.lookup, f"address\n{user_id}\n{fold_email(email)}".encode()).hex()
