"""Invites users, lets them ask for a reset, and lets them set a password by the token that they were given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.config import Settings
from app.core.context import Actor, RequestContext
from app.core.db.engine import Database
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, NotFound, Unauthenticated
from app.core.jobs import enqueue
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.security.passwords import PasswordHasher
from app.modules.auth import Throttle, TooManyAttempts, hash_identifier
from app.modules.invitations.models import Invitation
from app.modules.invitations.one_time.tokens import hash_account, hash_token, is_open, make_token
from app.modules.invitations.repository import InvitationRepository, OneTimeRepository, PasswordResetRepository
from app.modules.invitations.resets.kind import ResetWanted, begin_reset
from app.modules.invitations.schemas import InvitationRead, NewInvitation
from app.modules.mail import Mailer, token_letter
from app.modules.users import NoPassword, UserRepository, UserService

PREFIX = "iv_"
PAGE = "/console/invitation"
POINTER = "/body/new_password"


class BadInvitation(Unauthenticated):
    """The invitation was used, is over, or never was; the response does not tell which."""

    code = "bad-invitation"
    remedy = "Ask the administrator for a new invitation. Each works once, and the newest one only."


class InactiveUser(Conflict):
    """The user is not active, and so cannot be invited."""

    code = "user-inactive"
    remedy = "Activate the user first."


class BadPasswordReset(Unauthenticated):
    """The token of a reset was used, is over, or never was; the response does not tell which."""

    code = "bad-password-reset"
    remedy = "Ask for another mail. Each works once, and the newest one only."


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
        token = make_token(PREFIX)
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
        mailer = Mailer(settings)
        link = mailer.write_link(settings.auth.invitation_page, PAGE, token)
        letter = token_letter("invitation", user, token, link, values["expires_at"])
        is_mailed = await mailer.send(self.rows.writer, letter) is not None
        return NewInvitation(**dict(await self.read(user_id)), token=token, link=link, is_mailed=is_mailed)

    async def withdraw(self, user_id: UUID) -> None:
        """Remove the invitation of a user. Raises NotFound, TargetHasMorePermissions."""
        row = await self.rows.load_of(user_id)
        if row is None:
            raise NotFound(f"The user {user_id} has no invitation.")
        await self.rows.remove(row)


@dataclass(frozen=True)
class Way:
    """A way to set a password by a token."""

    rows: type[OneTimeRepository[Any]]
    auth_method: str
    refuse: Callable[[], Unauthenticated]
    """Makes what is raised for a token that is not valid."""


BY_INVITATION = Way(InvitationRepository, "invitation", lambda: BadInvitation("This invitation is not valid."))
BY_RESET = Way(PasswordResetRepository, "password-reset", lambda: BadPasswordReset("This reset is not valid."))


@dataclass
class AcceptanceService:
    """Sets the password of a person who has a token, and is not signed in. Each step is a unit of work of its own."""

    database: Database
    hasher: PasswordHasher
    limit: ConcurrencyLimit
    context: RequestContext
    way: Way = BY_INVITATION

    async def accept(self, token: str, password: str) -> None:
        """Set the password by the token, once, and end the sessions of the user.

        Raises BadInvitation or BadPasswordReset, TooManyAttempts, Invalid, Unavailable.
        """
        digest = hash_token(self.database.keys, token)
        async with self.limit.enter():
            user_id = await self.find_user(digest)
        users = UserService(self.database.read_session(self.context), self.hasher)
        hashed = await users.hash_own_password(user_id, password, POINTER)
        async with self.limit.reenter(), self.database.unit_of_work(self.context) as session:
            await set_password(session, self.way, user_id, digest, hashed)

    async def find_user(self, digest: str) -> UUID:
        """The user with this open token; a guess counts for the address.

        Raises BadInvitation or BadPasswordReset, TooManyAttempts.
        """
        throttle = Throttle(self.database, self.context)
        counted = throttle.address_counter()
        await throttle.reserve(counted, None)
        found = await self.way.rows(self.database.read_session(self.context)).by_token(digest)
        if found is None or not is_open(found, self.database.keys):
            raise self.way.refuse()
        await throttle.release(counted)
        user_id: UUID = found.user_id
        return user_id


async def set_password(session: Session, way: Way, user_id: UUID, digest: str, hashed: str) -> None:
    """Use the token, unless another request has used or ended it meanwhile. Raises what `way` refuses with."""
    user = await UserRepository(session).lock_active(user_id)
    rows = way.rows(session)
    found, row = await rows.by_token(digest), await rows.load_of(user_id)
    if user is None or row is None or found is None or not is_open(found, session.keys):
        raise way.refuse()
    session.context.actor = Actor("user", user.id, user.username)
    session.context.auth_method = way.auth_method
    row.used_at = user.signed_out_at = now()
    await UserService(session).set_password(user, hashed)


@dataclass
class ResetService:
    """Lets people ask for a mail by which they set another password. Each step is a unit of work of its own."""

    database: Database
    context: RequestContext

    async def ask(self, username: str, language: str | None) -> None:
        """Ask for a mail. What is done is the same whether there is such a user or not.

        Each request counts as a guess of its address. For one name a few are done in a while, and the rest are not.
        Raises MailIsOff, TooManyAttempts.
        """
        Mailer(self.database.settings).check_on()
        throttle = Throttle(self.database, self.context)
        await throttle.reserve(throttle.address_counter(), None)
        try:
            await throttle.reserve(throttle.reset_counter(hash_identifier(self.database.keys.lookup, username)), None)
        except TooManyAttempts:
            return  # a refusal would let others keep the owner from asking
        async with self.database.unit_of_work(self.context) as session:
            await enqueue(session, begin_reset, ResetWanted(username=username, language=language))
