"""Invites users, and lets them set a password by the token that they were given."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from app.core.clock import now
from app.core.config import Settings
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import Conflict, NotFound, Unauthenticated
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.security.encryption import is_equal, keyed_hash
from app.core.security.keys import Keys
from app.core.security.passwords import PasswordHasher
from app.modules.auth import Throttle
from app.modules.invitations.models import Invitation
from app.modules.invitations.repository import InvitationRepository
from app.modules.invitations.schemas import InvitationRead, NewInvitation
from app.modules.mail import Mailer, token_letter
from app.modules.users import NoPassword, UserRepository, UserService

PREFIX = "iv_"
TOKEN_BYTES = 32
POINTER = "/body/new_password"


class BadInvitation(Unauthenticated):
    """The invitation was used, is over, or never was; the response does not tell which."""

    code = "bad-invitation"
    remedy = "Ask the administrator for a new invitation. Each works once, and the newest one only."


class InactiveUser(Conflict):
    """The user is not active, and so cannot be invited."""

    code = "user-inactive"
    remedy = "Activate the user first."


class Account(Protocol):
    """What of an account an invitation depends on."""

    @property
    def password_hash(self) -> str: ...
    @property
    def signed_out_at(self) -> datetime | None: ...


class InvitationService:
    """Invitations of users, as administrators see them."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = InvitationRepository(session)
        self.users = UserRepository(session)
        self.keys = session.keys

    async def read(self, user_id: UUID) -> InvitationRead:
        """The last invitation of a user. Raises NotFound."""
        found = await self.rows.of_user(user_id)
        if found is None:
            raise NotFound(f"The user {user_id} has no invitation.")
        return InvitationRead(
            user_id=found.user_id,
            invited_at=found.invited_at,
            expires_at=found.expires_at,
            used_at=found.used_at,
            is_open=is_open(found, self.keys),
        )

    async def invite(self, user_id: UUID, settings: Settings) -> NewInvitation:
        """Invite a user, in place of an earlier invitation, and by mail where that is on.

        Raises NotFound, NoPassword, InactiveUser, TargetHasMorePermissions, StepUpRequired.
        """
        user = await self.users.load(user_id)
        if user.is_service:
            raise NoPassword("A service account signs in with API keys only.")
        if not user.is_active:
            raise InactiveUser("This user is not active.")
        token = f"{PREFIX}{secrets.token_urlsafe(TOKEN_BYTES)}"
        at = now()
        values: dict[str, Any] = {
            "token_hash": hash_token(self.keys, token),
            "account_hash": hash_account(self.keys, user),
            "invited_at": at,
            "expires_at": at + timedelta(seconds=settings.auth.invitation_ttl),
            "used_at": None,
        }
        row = await self.rows.load_of(user_id)
        await (self.rows.change(row, values) if row else self.rows.add(Invitation(user_id=user_id, **values)))
        link = f"{settings.auth.invitation_page}#token={token}" if settings.auth.invitation_page else None
        letter = token_letter("invitation", user, token, link, values["expires_at"])
        is_mailed = await Mailer(settings).send(self.rows.writer, letter) is not None
        return NewInvitation(**dict(await self.read(user_id)), token=token, link=link, is_mailed=is_mailed)

    async def withdraw(self, user_id: UUID) -> None:
        """Remove the invitation of a user. Raises NotFound, TargetHasMorePermissions."""
        row = await self.rows.load_of(user_id)
        if row is None:
            raise NotFound(f"The user {user_id} has no invitation.")
        await self.rows.remove(row)


@dataclass
class AcceptanceService:
    """Sets the password of an invited person, who is not signed in. Each step is a unit of work of its own."""

    database: Database
    hasher: PasswordHasher
    limit: ConcurrencyLimit
    context: RequestContext

    async def accept(self, token: str, password: str) -> None:
        """Set the password by the token, once, and end the sessions of the user.

        Raises BadInvitation, TooManyAttempts, Invalid, Unavailable.
        """
        digest = hash_token(self.database.keys, token)
        async with self.limit.enter():
            user_id = await self.find_user(digest)
        users = UserService(self.database.read_session(self.context), self.hasher)
        hashed = await users.hash_own_password(user_id, password, POINTER)
        async with self.limit.reenter(), self.database.unit_of_work(self.context) as session:
            await set_password(session, user_id, digest, hashed)

    async def find_user(self, digest: str) -> UUID:
        """The user with this open invitation; a guess counts for the address. Raises BadInvitation, TooManyAttempts."""
        throttle = Throttle(self.database, self.context)
        counted = throttle.address_counter()
        await throttle.reserve(counted, None)
        found = await InvitationRepository(self.database.read_session(self.context)).by_token(digest)
        if found is None or not is_open(found, self.database.keys):
            raise bad_invitation()
        await throttle.release(counted)
        user_id: UUID = found.user_id
        return user_id


async def set_password(session: Session, user_id: UUID, digest: str, hashed: str) -> None:
    """Use the invitation, unless another request has used or ended it meanwhile. Raises BadInvitation."""
    user = await UserRepository(session).lock_active(user_id)
    rows = InvitationRepository(session)
    found, row = await rows.by_token(digest), await rows.load_of(user_id)
    if user is None or row is None or found is None or not is_open(found, session.keys):
        raise bad_invitation()
    session.context.actor = Actor("user", user.id, user.username)
    session.context.auth_method = "invitation"
    row.used_at = user.signed_out_at = now()
    await UserService(session).set_password(user, hashed)


def is_open(found: AnyRow, keys: Keys) -> bool:
    """Whether an invitation can be used: `found` is the row of it with the account."""
    is_unused = found.used_at is None and found.is_active and now() < found.expires_at
    return is_unused and is_equal(found.account_hash.encode(), hash_account(keys, found).encode())


def bad_invitation() -> BadInvitation:
    return BadInvitation("This invitation is not valid.")


def hash_token(keys: Keys, token: str) -> str:
    return keyed_hash(keys.lookup, b"invitation\n" + token.encode("utf-8", "replace")).hex()


def hash_account(keys: Keys, account: Account | AnyRow) -> str:
    """The keyed hash of what an invitation depends on."""
    signed_out_at = account.signed_out_at.isoformat() if account.signed_out_at else ""
    return keyed_hash(keys.lookup, f"account\n{account.password_hash}\n{signed_out_at}".encode()).hex()
