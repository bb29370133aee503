"""Applications whose webhooks may call a receiver of the test, and mail to a sink of it."""

from collections.abc import AsyncIterator

import pytest

from app.core.config import OutgoingSettings, Settings, WebhookSettings
from tests.modules.mail.sink import Sink, opened_sink
from tests.modules.webhooks.receiver import Receiver, receiving

PATIENT = 1000
"""Failures after which a host has a pause: tests fail more often than others."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with opened_sink() as sink:
        yield sink


@pytest.fixture
def settings(settings: Settings, sink: Sink) -> Settings:
    """The settings of the test, with webhooks that may call this machine by http."""
    changes = {
        "webhooks": WebhookSettings(follow_seconds=0, allow_http=True),
        "outgoing": OutgoingSettings(allowed_networks=("127.0.0.0/8",), failures=PATIENT),
    }
    return sink.settings(settings).model_copy(update=changes)
