"""Applications that send their mails to a sink of the test."""

from collections.abc import AsyncIterator

import pytest

from app.core.config import Settings
from tests.modules.mail.sink import Sink, opened_sink


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with opened_sink() as sink:
        yield sink


@pytest.fixture
def settings(settings: Settings, sink: Sink) -> Settings:
    """The settings of the test, with mails that go to the sink."""
    return sink.settings(settings)
