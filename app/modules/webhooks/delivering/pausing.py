"""Pauses webhooks, and tells their owners."""

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from app.core.clock import now
from app.core.config import Settings
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.modules.mail import Mailer, in_words, letter_to
from app.modules.users import User
from app.modules.webhooks.models import Webhook

GONE, FAILED, OWNER_MAY_NOT = "gone", "delivery-failed", "owner-may-not"
users = table_of(User)


async def pause(session: Session, settings: Settings, id: UUID, why: str, reason: str) -> None:
    """Pause a webhook, unless it is already, and tell its owner. One that is gone is turned off."""
    row = await session.load(Webhook, id)
    if row is None or row.paused_at is not None or not row.enabled:
        return
    row.pause_reason = why
    if why == GONE:
        row.enabled = False
    else:
        row.paused_at = now()
    mailer, columns = (
        Mailer(settings),
        (users.c.id, users.c.username, users.c.email, users.c.first_name, users.c.language),
    )
    wanted = select(*columns).where(users.c.id == row.created_by_id, ~users.c.is_service, users.c.deleted_at.is_(None))
    reader = await session.first(wanted)
    if reader is None or why == OWNER_MAY_NOT:
        return
    values = {"host": urlsplit(row.url).hostname or "", "at": in_words(now()), "reason": reason}
    letter = letter_to(reader, "webhook-paused", **values)
    await mailer.send(session, letter.model_copy(update={"url": mailer.page(f"/console/webhooks/{id}")}))
