"""How long a read may take: as long as its request, or as a job."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from app.core.config import DatabaseSettings, Settings
from app.core.context import RequestContext
from app.core.db.driver.reader import Reader
from app.core.db.engine import Database
from app.core.errors import DatabaseUnavailable
from app.main import open_database

READ_SECONDS = 0.2
JOB_SECONDS = 0.1


@pytest.fixture
async def database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database that is slow, without an application that would use it."""

    async def slowly(self: Reader, *statement: Any) -> Any:
        await asyncio.sleep(READ_SECONDS)
        return await fetch(self, *statement)

    fetch = Reader.fetch
    monkeypatch.setattr(Reader, "fetch", slowly)
    database = open_database(settings.model_copy(update={"database": DatabaseSettings(job_seconds=JOB_SECONDS)}))
    yield database
    await database.dispose()


async def test_a_read_of_a_request_has_no_limit_of_its_own(database: Database) -> None:
    request = RequestContext()
    async with asyncio.timeout(60) as request.time_limit:
        assert await database.read_session(request).value(select(1)) == 1

    assert database.distrusted_before == -math.inf


async def test_connections_are_distrusted_when_a_request_ends_in_a_read(database: Database) -> None:
    request = RequestContext()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(JOB_SECONDS) as request.time_limit:
            await database.read_session(request).value(select(1))

    assert database.distrusted_before > -math.inf


async def test_a_read_of_a_job_has_the_limit_of_a_job(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read_session(RequestContext()).value(select(1))

    assert database.distrusted_before > -math.inf
