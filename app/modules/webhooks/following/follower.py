"""Follows the sealed changes for every webhook. Of several processes, one at a time follows for a webhook."""

from collections.abc import Collection
from uuid import UUID

import structlog

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import AnyRow, Session
from app.core.jobs import enqueue
from app.modules.audit import Event, EventService, sealed_size
from app.modules.events import event_id_of
from app.modules.webhooks.delivering.kind import Delivery, deliver
from app.modules.webhooks.delivering.owner import find_owner, read_as
from app.modules.webhooks.delivering.pausing import OWNER_MAY_NOT, pause
from app.modules.webhooks.repository import CursorRepository, CursorWriter

log = structlog.get_logger(__name__)

PAGE = 100
"""Changes that are looked at in a transaction."""


class Follower:
    """Asks for the deliveries of events that came since the last time."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self) -> bool:
        """Look at one page of the log for every webhook that is behind. False: there will be more to do."""
        session = self.database.read_session(RequestContext.for_job("webhooks"))
        for id in await CursorRepository(session).find_behind(await sealed_size(session)):  # noqa: A001  # its name
            try:
                await self.follow(id)
            except Exception as error:  # noqa: BLE001  # whatever it was, the others go on, and it is tried again
                log.warning("webhook_not_followed", webhook=str(id), cause=type(error).__name__)
        return False

    async def follow(self, id: UUID) -> None:
        """Look at one page of the log for a webhook, and ask for its deliveries in the same transaction."""
        async with self.database.unit_of_work(RequestContext.for_job("webhooks")) as session:
            cursors = CursorWriter(session)
            row = await cursors.get(id) if await cursors.claim(id) else None
            if row is None or not row.enabled or row.paused_at is not None:
                return
            owner = await find_owner(session, row.created_by_id)
            if owner is None:
                await pause(session, self.database.settings, id, OWNER_MAY_NOT, OWNER_MAY_NOT)
                return
            with read_as(session.context, owner):
                events, last = await EventService(session).read(row.seq, PAGE)
            for event in events:
                if is_wanted(row, event):
                    await ask(session, row, event)
            await cursors.move(id, last)


async def ask(session: Session, row: AnyRow, event: Event) -> None:
    """Ask for the delivery of an event, once since the webhook began to follow for this time."""
    data = Delivery(webhook_id=row.id, seq=event.seq, run=row.run, event_id=event_id_of(event.change_id), at=event.at)
    await enqueue(session, deliver, data, once=f"hook/{row.id}/{event.change_id}/{row.run}")


def is_wanted(row: AnyRow, event: Event) -> bool:
    """Whether a webhook is for an event."""
    is_chosen = row.module in (None, event.module) and row.item_id in (None, event.item_id)
    return is_chosen and matches(row.event_types, event)


def matches(event_types: Collection[str], event: Event) -> bool:
    """Whether one of the types is that of an event, or includes it."""
    return not {"*", f"{event.entity}.*", event.type}.isdisjoint(event_types)
