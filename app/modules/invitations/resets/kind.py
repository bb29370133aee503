"""The job that begins a reset. It runs whether the account exists or not, so that asking for one tells nothing."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from app.core.clock import now
from app.core.jobs import Work, job
from app.modules.invitations.models import PasswordReset
from app.modules.invitations.one_time.tokens import hash_account, hash_token, make_token
from app.modules.invitations.repository import PasswordResetRepository
from app.modules.mail import Mailer, token_letter
from app.modules.users import UserRepository

PREFIX = "pr_"
PAGE = "/console/password-reset"


class ResetWanted(BaseModel):
    """For which account a reset is asked for."""

    username: str = Field(repr=False)
    """The user name or the e-mail address, as it was typed."""
    language: str | None = None
    """The language of who asks."""


@job("passwords.begin-reset", ResetWanted, as_system=True, priority=3, is_listed=False)
async def begin_reset(work: Work, data: ResetWanted) -> None:
    """Mail a token by which a user sets another password, if there is such a user."""
    session, settings, at = work.session, work.settings, now()
    users, rows = UserRepository(session), PasswordResetRepository(session)
    found = await users.credentials(data.username)
    user = await users.lock_active(found.id) if found is not None else None
    if user is None or user.is_service:
        return
    token, expires_at = make_token(PREFIX), at + timedelta(seconds=settings.mail.reset_ttl)
    values: dict[str, Any] = {
        "token_hash": hash_token(session.keys, token),
        "account_hash": hash_account(session.keys, user),
        "asked_at": at,
        "expires_at": expires_at,
        "used_at": None,
    }
    row = await rows.load_of(user.id)
    await (rows.change(row, values) if row else rows.add(PasswordReset(user_id=user.id, **values)))
    mailer = Mailer(settings)
    link = mailer.write_link(settings.mail.reset_page, PAGE, token)
    letter = token_letter("password-reset", user, token, link, expires_at, data.language)
    await mailer.send(session, letter, is_listed=False)
