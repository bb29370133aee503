"""What an operator is told of events that wait to be published."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import ReadSession
from app.modules.audit import sealed_size, stored_behind
from app.modules.events.publishing.broker import BrokerFailed, EventBroker
from app.modules.events.repository import find_place

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=30)
"""Changes that wait for so long are too late."""


@dataclass(frozen=True)
class Lag:
    """The sealed changes that wait to be published."""

    entries: int
    since: datetime | None
    """When the first of them was stored; None where none waits."""

    @property
    def is_late(self) -> bool:
        return self.since is not None and self.since < now() - PATIENCE


async def measure_lag(session: ReadSession, destination: str) -> Lag:
    """How far the destination is behind."""
    place = await find_place(session, destination)
    size = await sealed_size(session)
    if place is None or place >= size:
        return Lag(0, None)
    return Lag(size - place, await stored_behind(session, place))


async def find_faults(database: Database) -> list[str]:
    """A broker of events that does not answer or refuses, and changes that wait for too long."""
    settings = database.settings.events
    if settings.broker is None:
        return []
    lag = await measure_lag(database.read_session(RequestContext.for_job("doctor")), settings.destination)
    broker = EventBroker(settings)
    try:
        await broker.open()
    except BrokerFailed as error:
        return [f"events: the broker is away ({error}); {lag.entries} changes wait to be published"]
    await broker.close()
    return [f"events: {lag.entries} changes wait to be published, the first since {lag.since}"] if lag.is_late else []


async def warn_of_lag(database: Database) -> list[str]:
    """What /readyz says of changes that wait for too long."""
    session = database.read_session(RequestContext.for_job("warn"))
    try:
        lag = await measure_lag(session, database.settings.events.destination)
    except DBAPIError as error:
        log.warning("event_lag_not_measured", cause=type(error).__name__)
        return ["How far events are published cannot be told."]
    return [f"Events are late: {lag.entries} changes wait to be published."] if lag.is_late else []
