"""The job that sends a mail. Its id names the mail, so that a mail which is sent again is known to be the same."""

import structlog

from app.core.clock import now
from app.core.config import Environment
from app.core.jobs import GiveUp, Work, job
from app.modules.mail.rendering.letters import render
from app.modules.mail.schemas import Letter, Sent
from app.modules.mail.sending.message import UnusableAddress, build_message
from app.modules.mail.sending.smtp import hand_over

log = structlog.get_logger(__name__)

ATTEMPTS = 12
"""They take about half an hour: servers that do not know us refuse the first attempts of some minutes."""
PRIORITY = 3


class Shown:
    """A text that the log of development shows as it is, with its links."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"\n{self.text}"


@job("mail.send", Letter, as_system=True, attempts=ATTEMPTS, priority=PRIORITY)
async def send_letter(work: Work, data: Letter) -> Sent:
    """Send a mail."""
    settings = work.settings.mail
    if data.valid_until is not None and data.valid_until <= now():
        raise GiveUp("mail-outdated")
    rendered = render(data, settings.language)
    server = settings.server
    if server is not None:
        try:
            message = build_message(work.id, settings.sender, data.to, rendered)
        except UnusableAddress:
            raise GiveUp("address-unusable") from None
        await hand_over(message, server, settings.timeout)
        return Sent(is_sent=True)
    if work.settings.environment is not Environment.development:
        raise GiveUp("mail-is-off")
    log.info("mail_is_only_logged", to=Shown(data.to), subject=rendered.subject, text=Shown(rendered.text))
    return Sent(is_sent=False)


@job("mail.send-unlisted", Letter, as_system=True, attempts=ATTEMPTS, priority=PRIORITY, is_listed=False)
async def send_unlisted_letter(work: Work, data: Letter) -> Sent:
    """Send a mail of which readers of jobs must not know."""
    return await send_letter.handler(work, data)  # type: ignore[return-value]  # what that returns
