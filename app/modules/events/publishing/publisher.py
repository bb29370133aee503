"""Publishes the events behind a cursor, in their order.

An event is sent once the broker has confirmed the one before it, and the cursor moves over what is confirmed. What a
process has sent and not noted, because it died, another one sends again under the same ids.
"""

from time import monotonic

import structlog

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import ReadSession
from app.modules.audit import Outline, read_outlines, sealed_size
from app.modules.events.publishing.broker import BrokerFailed, EventBroker
from app.modules.events.publishing.connections import Message
from app.modules.events.publishing.turns import take_turn
from app.modules.events.repository import CursorWriter, find_place
from app.modules.events.writing.body import event_id_of, write_outline

log = structlog.get_logger(__name__)

PAGE = 100
"""Changes that are looked at in a turn."""
TURN_SECONDS, RUN_SECONDS = 5.0, 20.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts to publish while the broker is away."""


class Publisher:
    """Publishes events to the broker of the settings."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.destination = database.settings.events.destination
        self.source = database.settings.audit.origin
        self.broker = EventBroker(database.settings.events)
        self.is_away = False
        """Whether the broker was tried, and did not confirm."""
        self.pause = FIRST_PAUSE
        self.retry_at = monotonic()

    async def run(self) -> bool:
        """Publish what waits, unless the broker was away a moment ago. True once this is stopped."""
        end = monotonic() + RUN_SECONDS
        try:
            while self.retry_at <= monotonic() < end and await self.is_behind() and not self.broker.is_stopped:
                await self.broker.open()
                if not await self.publish_page():
                    break
        except BrokerFailed as error:
            await self.miss(error)
        return self.broker.is_stopped

    def read(self) -> ReadSession:
        return self.database.read_session(RequestContext.for_job("events"))

    async def is_behind(self) -> bool:
        """Whether the log has changes behind the cursor. A new cursor begins behind what is sealed by then."""
        size, place = await sealed_size(self.read()), await find_place(self.read(), self.destination)
        if place is None:
            async with self.database.unit_of_work(RequestContext.for_job("events")) as session:
                await CursorWriter(session, self.destination).begin(size)
        return place is not None and place < size

    async def publish_page(self) -> bool:
        """Publish a page of the log; False where it is another's turn. Raises BrokerFailed."""
        async with take_turn(self.database, self.destination) as turn:
            if turn is None:
                return False
            outlines, last = await read_outlines(self.read(), turn.seq, PAGE)
            end = monotonic() + TURN_SECONDS
            for outline in outlines:
                if monotonic() > end:
                    return True
                await self.broker.send(self.write(outline))
                turn.seq = outline.seq
                self.note_confirmed()
            turn.seq = last
        return True

    def write(self, outline: Outline) -> Message:
        return Message(event_id_of(outline.change_id), outline.type, write_outline(outline, self.source).encode())

    def note_confirmed(self) -> None:
        """Say once that the broker is back."""
        if self.is_away:
            log.info("event_broker_back", destination=self.destination)
        self.is_away, self.pause = False, FIRST_PAUSE

    async def miss(self, error: BrokerFailed) -> None:
        """Say once that the broker is away, and leave it alone for a while."""
        await self.broker.close()
        if not self.is_away and not self.broker.is_stopped:
            log.warning("event_broker_away", destination=self.destination, cause=str(error))
        self.is_away = True
        self.retry_at, self.pause = monotonic() + self.pause, min(self.pause * 2, LONGEST_PAUSE)
