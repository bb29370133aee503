"""The settings of what the application reaches: other systems by HTTP, and people by mail."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from app.core.config.groups import EMPTY_AS_NONE, Group

PAGE = r"^https?://[^\s#]+$"
MailLanguage = Literal["en", "de"]
"""The languages of mails."""
MAIL_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class OutgoingSettings(Group):
    """Calls of other systems by HTTP."""

    seconds: float = Field(10.0, gt=0, le=300, description="Longest time of a call with all its attempts.")
    connect_seconds: float = Field(3.0, gt=0, le=60, description="Longest time to a connection.")
    read_seconds: float = Field(5.0, gt=0, le=300, description="Longest time between two parts of an answer.")
    attempts: int = Field(3, ge=1, le=10, description="How often a call is sent that may be repeated.")
    max_bytes: int = Field(1024 * 1024, ge=1024, description="Longest answer that is read.")
    failures: int = Field(5, ge=1, description="Failures of a host, one behind the other, after which it has a pause.")
    pause_seconds: float = Field(30.0, gt=0, description="Seconds for which such a host is not called.")
    allowed_networks: tuple[str, ...] = Field(
        (), description="Networks that are not public, where strangers may be called (JSON list): none by default."
    )

    @field_validator("allowed_networks")
    @classmethod
    def check_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for text in networks:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"OUTGOING__ALLOWED_NETWORKS: {text[:64]!r} is no network") from None
        return networks


class MailSettings(Group):
    """Mail that the application sends."""

    url: Annotated[SecretStr | None, EMPTY_AS_NONE] = Field(
        None,
        description="The mail server: smtps://user:password@host, smtp+starttls://… or, without a password, smtp://host."
        " Without it, development writes mails to the log, and production sends none.",
    )
    sender: str = Field("", max_length=320, description="Whom mails are from: `Attest <attest@example.com>`.")
    timeout: float = Field(30.0, gt=0, le=120, description="Longest time to hand one mail over, in seconds.")
    language: MailLanguage = Field("en", description="The language of mails to users who have chosen none.")
    public_url: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None, pattern=PAGE, description="Where people reach this application: mails link to pages below it."
    )

    reset_page: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None, pattern=PAGE, description="Page on which people set another password, other than that of the console."
    )
    reset_ttl: int = Field(1800, ge=300, le=86_400, description="Seconds in which such a link can be used.")

    verify_page: Annotated[str | None, EMPTY_AS_NONE] = Field(
        None, pattern=PAGE, description="Page on which people verify their address, other than that of the console."
    )
    verify_ttl: int = Field(86_400, ge=300, le=604_800, description="Seconds in which such a link can be used.")

    @field_validator("url")
    @classmethod
    def check_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_mail_url(url.get_secret_value())
        return url

    @field_validator("sender")
    @classmethod
    def check_sender(cls, sender: str) -> str:
        _, address = parseaddr(sender)
        if sender and (address.count("@") != 1 or address[-1] == "@" or not sender.isprintable()):
            raise ValueError("MAIL__SENDER: write an address, or a name and an address, as Attest <attest@example.com>")
        return sender

    @model_validator(mode="after")
    def sender_is_known(self) -> Self:
        if self.url is not None and not self.sender:
            raise ValueError("MAIL__URL needs MAIL__SENDER")
        return self

    @property
    def server(self) -> "MailServer | None":
        """The mail server; None where there is none."""
        return None if self.url is None else parse_mail_url(self.url.get_secret_value())


class WebhookSettings(Group):
    """Events that the application sends to others."""

    allow_http: bool = Field(False, description="Let webhooks have URLs of http; refused in production.")
    follow_seconds: float = Field(
        1.0, ge=0, le=3600, description="How often a process of the API looks for events that are to be sent; 0: never."
    )
    roll_hours: int = Field(24, ge=0, le=720, description="Hours for which the old secret signs beside the new one.")


@dataclass(frozen=True)
class MailServer:
    """A mail server."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    has_tls: bool
    """Whether the connection is encrypted from its beginning."""
    starts_tls: bool
    """Whether it becomes encrypted before anything is said."""


def parse_mail_url(url: str) -> MailServer:
    """The server of a URL. Raises ValueError, which does not repeat the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("MAIL__URL is no URL") from None
    if parts.scheme not in MAIL_PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            "MAIL__URL: write smtps://user:password@host, smtp+starttls://user:password@host or smtp://host"
        )
    if parts.scheme == "smtp" and parts.username:
        raise ValueError("MAIL__URL: a password goes over an encrypted connection; write smtps:// or smtp+starttls://")
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    has_tls, starts_tls = parts.scheme == "smtps", parts.scheme == "smtp+starttls"
    return MailServer(parts.hostname, port or MAIL_PORTS[parts.scheme], user, password, has_tls, starts_tls)
