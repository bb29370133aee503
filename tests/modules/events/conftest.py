"""Applications that know a broker of events, in which publishing is done by the test."""

from collections.abc import AsyncIterator

import pytest

from app.core.config import EventSettings, Settings
from app.core.db.engine import Database
from app.modules.events.publishing.publisher import Publisher
from tests.brokers import Broker


@pytest.fixture
def broker_url(broker: Broker) -> str:
    """The address of the broker that the application knows."""
    return broker.url


@pytest.fixture
def settings(settings: Settings, broker: Broker, broker_url: str) -> Settings:
    events = EventSettings.model_validate({"broker_url": broker_url, "prefix": broker.prefix, "follow_seconds": 0})
    return settings.model_copy(update={"events": events})


@pytest.fixture
async def publisher(database: Database) -> AsyncIterator[Publisher]:
    publisher = Publisher(database)
    yield publisher
    await publisher.broker.close()


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Publisher]:
    """A publisher of another process."""
    publisher = Publisher(database)
    yield publisher
    await publisher.broker.close()
