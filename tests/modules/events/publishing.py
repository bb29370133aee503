"""Lets what happened be published, and tells what is to arrive."""

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit import item_modules
from app.modules.audit.models import AuditChange
from app.modules.events.publishing.publisher import Publisher
from app.modules.events.repository import cursors, find_place
from tests.brokers import Published
from tests.modules.audit.sealer.sealed import read_all, seal_all, sealed_ids, sealer_of
from tests.modules.jobs.workers import until

CONTEXT = RequestContext.for_job("test")
changes = table_of(AuditChange)


async def begin(database: Database, publisher: Publisher) -> int:
    """Let publishing begin behind what happened until now. Returns the place."""
    await seal_all(sealer_of(database))
    await publisher.run()
    return await place_of(database)


async def place_of(database: Database) -> int:
    """The place up to which all is published."""
    found = await find_place(database.read_session(CONTEXT), database.settings.events.destination)
    assert found is not None
    return found


async def events_behind(database: Database, place: int) -> list[str]:
    """The ids of the events behind a place, in the order of the log, from the log alone."""
    entities = {row.id: row.entity for row in await read_all(database, select(changes.c.id, changes.c.entity))}
    return [f"evt_{id}" for id in (await sealed_ids(database))[place:] if entities[id] in item_modules()]  # noqa: A001


async def publish_all(database: Database, publisher: Publisher, seconds: float = 10) -> None:
    """Seal what happened, and publish until nothing waits."""
    await seal_all(sealer_of(database))

    async def is_done() -> bool:
        await publisher.run()
        return not await publisher.is_behind()

    await until(is_done, seconds)


async def until_arrived(inbox: list[Published], ids: list[str]) -> None:
    """Wait until all of these events have arrived."""

    async def have_arrived() -> bool:
        return set(ids) <= {each.id for each in inbox}

    await until(have_arrived)
    await asyncio.sleep(0.1)  # what should not arrive would by now


async def until_as_many_arrived(inbox: list[Published], number: int) -> None:
    """Wait until at least so many events have arrived."""

    async def have_arrived() -> bool:
        return len(inbox) >= number

    await until(have_arrived)
    await asyncio.sleep(0.1)  # what should not arrive would by now


async def end_lease(database: Database) -> None:
    """Let the time of a process be over that has the turn."""
    async with database.unit_of_work(CONTEXT) as session:
        await session.execute(update(cursors).values(leased_until=now() - timedelta(seconds=1)))
