"""The message of a mail: headers to which no value can add, text and HTML."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

import idna

from app.core.clock import time_of_id
from app.modules.mail.rendering.letters import Rendered


class UnusableAddress(ValueError):
    """No mail can be sent to this address."""


def build_message(id: UUID, sender: str, to: str, rendered: Rendered) -> EmailMessage:
    """The message, the same each time it is built for a job. Raises UnusableAddress."""
    name, own = parseaddr(sender)
    origin = to_address(own, name)
    message = EmailMessage(policy=SMTP)
    message["From"] = origin
    message["To"] = to_address(to)
    message["Subject"] = " ".join(rendered.subject.split())
    message["Date"] = format_datetime(time_of_id(id))
    message["Message-ID"] = f"<{id}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    message["Content-Language"] = rendered.language  # behind the parts, which would take it over
    message.set_boundary(f"={id.hex}")
    return message


def to_address(text: str, name: str = "") -> Address:
    """An address with its domain as the network knows it. Raises UnusableAddress."""
    local, _, domain = text.rpartition("@")
    if not local or not text.isprintable() or any(each.isspace() for each in text):
        raise UnusableAddress
    try:
        return Address(name, local, idna.encode(domain, uts46=True).decode())
    except (ValueError, UnicodeError):  # idna.IDNAError is one
        raise UnusableAddress from None
