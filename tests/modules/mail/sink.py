"""A real SMTP server in this process, which keeps what it is given, and can fail as servers do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from aiosmtpd import smtp
from aiosmtpd.smtp import AuthResult, Envelope, Session

from app.core.config import MailSettings, Settings
from tests.listening import let_connect

PASSWORD = "p@ss/word of the server"


@dataclass
class Sink:
    """What was handed over, and how the next attempts go."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    deaths_after_data: int = 0
    """So often the connection dies when the whole message has arrived, before the answer."""
    answering: asyncio.Event | None = None
    """Until it is set, no message that has arrived is answered."""
    refusals: list[str] = field(default_factory=list)
    """What is answered to the next recipients."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's names
        self, _server: smtp.SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: smtp.SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # see above
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content, policy=SMTP))
        self.recipients += envelope.rcpt_tos
        if self.answering is not None:
            await self.answering.wait()
        if self.deaths_after_data:
            self.deaths_after_data -= 1
            server.transport.abort()  # type: ignore[union-attr]  # there is one while it is served
        return "250 OK"

    def settings(self, settings: Settings, **changes: Any) -> Settings:
        """`settings` with mails that go here."""
        values = {
            "url": f"smtp://127.0.0.1:{self.port}",
            "sender": "Attest <attest@bücher.example>",
            "public_url": "https://attest.example",
            **changes,
        }
        return settings.model_copy(update={"mail": MailSettings.model_validate(values)})

    def texts(self) -> list[str]:
        """The text parts of what was handed over."""
        return [part_of(mail, "plain") for mail in self.mails]


def part_of(mail: EmailMessage, kind: str) -> str:
    """The text or the HTML of a mail."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def admit(
    _server: object, _session: object, _envelope: object, _mechanism: str, given: smtp.LoginPassword
) -> AuthResult:
    """Whether a client gave the right name and password."""
    return AuthResult(success=(given.login, given.password) == (b"attest", PASSWORD.encode()))


@asynccontextmanager
async def opened_sink(tls: ssl.SSLContext | None = None, *, starts_tls: bool = False) -> AsyncIterator[Sink]:
    """A sink; with `tls` one that asks for a password, on a connection that is encrypted at once or by STARTTLS."""
    sink, loop = Sink(), asyncio.get_running_loop()
    options: dict[str, Any] = {"enable_SMTPUTF8": True, "loop": loop}
    if tls is not None:
        options |= {"authenticator": admit, "auth_required": True, "auth_require_tls": starts_tls}
    if starts_tls:
        options |= {"tls_context": tls, "require_starttls": True}
    at_once = None if starts_tls else tls
    protocols: list[smtp.SMTP] = []

    def connect() -> smtp.SMTP:
        protocols.append(smtp.SMTP(sink, **options))
        return protocols[-1]

    server = await loop.create_server(connect, "127.0.0.1", 0, ssl=at_once)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        await let_connect()
        server.close()
        for protocol in protocols:
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()
        await server.wait_closed()
