"""Hands a message over to the mail server."""

from email.message import EmailMessage

import structlog

from app.core.config import MailServer
from app.core.jobs import GiveUp

log = structlog.get_logger(__name__)

PERMANENT = 500


class NotHandedOver(Exception):
    """The mail server did not take the message, at least not now; or it is not known whether it did."""


async def hand_over(message: EmailMessage, server: MailServer, seconds: float) -> None:
    """Hand `message` over. Raises NotHandedOver, and GiveUp where the server will never take it."""
    import aiosmtplib  # noqa: PLC0415  # slow to import, and only workers send mail

    origin = message["From"].addresses[0]
    try:
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.has_tls,
            start_tls=server.starts_tls,
            local_hostname=origin.domain,
            timeout=seconds,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(refused.code >= PERMANENT for refused in error.recipients):
            raise GiveUp("recipient-refused") from None
        raise NotHandedOver("the recipient is refused for now") from None
    except aiosmtplib.SMTPNotSupported:
        raise GiveUp("address-unusable") from None  # letters before the @ that this server does not take
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise NotHandedOver(type(error).__name__) from None  # a server may repeat an address or a password
