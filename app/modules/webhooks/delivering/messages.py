"""What is sent of an event, as the owner of the webhook may see it by now."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.core.clock import now
from app.core.config import Settings
from app.core.db.session import AnyRow, Session
from app.modules.audit import EventService
from app.modules.events import CONTENT_TYPE, write_event
from app.modules.webhooks.delivering.body import TEST, write_test
from app.modules.webhooks.delivering.owner import find_owner, read_as
from app.modules.webhooks.delivering.pausing import OWNER_MAY_NOT, pause
from app.modules.webhooks.repository import CursorWriter
from app.modules.webhooks.signing.headers import sign
from app.modules.webhooks.signing.secrets import secrets_of


class Wanted(Protocol):
    """The event that is to be delivered."""

    webhook_id: UUID
    seq: int | None
    run: int
    event_id: str
    at: datetime


@dataclass(frozen=True)
class Message:
    """An event that is to be sent, with its headers."""

    url: str
    event_type: str
    headers: dict[str, str] = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True)
class Unsent:
    """That an event is not to be sent."""

    why: str


async def prepare(session: Session, settings: Settings, wanted: Wanted) -> Message | Unsent:
    """What is to be sent, or that nothing is. An event that waits while the webhook is paused is noted as failed."""
    cursors = CursorWriter(session)
    row = await cursors.get(wanted.webhook_id)
    if row is None:
        return Unsent("webhook-removed")
    owner = await find_owner(session, row.created_by_id)
    if owner is None:
        await pause(session, settings, row.id, OWNER_MAY_NOT, OWNER_MAY_NOT)
    if wanted.seq is None:
        return Unsent(OWNER_MAY_NOT) if owner is None else await write_message(session, settings, row, wanted, None)
    if wanted.run < row.run and wanted.seq > row.run_from:
        return Unsent("sent-anew")  # another job has it
    if owner is None or not row.enabled or row.paused_at is not None:
        await cursors.note_failed(row.id, wanted.seq)
        return Unsent("paused")
    with read_as(session.context, owner):
        return await write_message(session, settings, row, wanted, wanted.seq)


async def write_message(
    session: Session, settings: Settings, row: AnyRow, wanted: Wanted, seq: int | None
) -> Message | Unsent:
    """The event at a place, or a test, signed."""
    source, at = settings.audit.origin, now()
    if seq is None:
        kind, body = TEST, write_test(wanted.event_id, wanted.at, row.id, source)
    else:
        events, _ = await EventService(session).read(seq - 1, 1)
        if not events:
            return Unsent("not-readable")
        kind, body = events[0].type, write_event(events[0], source)
    headers = sign(wanted.event_id, at, body, secrets_of(session.keys, row, at))
    return Message(row.url, kind, {"content-type": CONTENT_TYPE, **headers}, body)
