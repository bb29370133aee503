"""Asks for mails, in the transaction of what they are about."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from app.core.config import Environment, Settings
from app.core.db.session import AnyRow, Session
from app.core.errors import Conflict
from app.core.jobs import enqueue
from app.modules.mail.schemas import Letter
from app.modules.mail.sending.kind import send_letter, send_unlisted_letter


class Reader(Protocol):
    """What a mail says of the user to whom it is sent."""

    @property
    def username(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def first_name(self) -> str | None: ...
    @property
    def language(self) -> str | None: ...


class MailIsOff(Conflict):
    """This installation sends no mail."""

    code = "mail-is-off"
    remedy = "Ask an administrator, who can do the same for you. An operator turns mail on by MAIL__URL."


@dataclass(frozen=True)
class Mailer:
    """Sends mails, if the settings say how."""

    settings: Settings

    @property
    def is_on(self) -> bool:
        """Whether mails are sent, or at least written to the log of development."""
        return self.settings.mail.url is not None or self.settings.environment is Environment.development

    def check_on(self) -> None:
        """Raise MailIsOff where no mail is sent."""
        if not self.is_on:
            raise MailIsOff("This installation sends no mail.")

    def page(self, path: str) -> str | None:
        """The URL of a page of this application; None where it is not known where people reach it."""
        base = self.settings.mail.public_url
        return f"{base.rstrip('/')}{path}" if base else None

    def write_link(self, page: str | None, path: str, token: str) -> str | None:
        """The URL for a token: of `page`, or else of the page of this application; None where that is not known either.

        The token is behind `#`, which browsers send to no server.
        """
        page = page or self.page(path)
        return f"{page}#token={token}" if page else None

    async def send(
        self, session: Session, letter: Letter, *, once: str | None = None, is_listed: bool = True
    ) -> UUID | None:
        """Send a mail if the transaction of `session` is committed. Returns its job; None where mail is off.

        With `is_listed=False` no user sees the job: for a mail that tells who has an account.
        """
        if not self.is_on:
            return None
        return await enqueue(session, send_letter if is_listed else send_unlisted_letter, letter, once=once)


def letter_to(reader: Reader | AnyRow, text: str, **values: str) -> Letter:
    """The mail `text` of the catalogue to a user, in the language of the user, with values beside those of the user."""
    own = {"name": reader.first_name or reader.username, "username": reader.username}
    return Letter(text=text, to=reader.email, language=reader.language, values={**own, **values})


def token_letter(
    text: str, reader: Reader | AnyRow, token: str, page: str | None, until: datetime, language: str | None = None
) -> Letter:
    """A mail to a user with a token that works until then: in a link, or else in its text.

    It is in `language` where the user has chosen none.
    """
    letter = letter_to(reader, text if page else f"{text}-token", until=in_words(until), token=token)
    return letter.model_copy(update={"url": page, "valid_until": until, "language": letter.language or language})


def in_words(at: datetime) -> str:
    """An instant as mails write it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
