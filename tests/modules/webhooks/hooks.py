"""Makes webhooks, and lets what happened arrive at their receivers."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.outgoing import Outgoing
from app.core.outgoing.addresses import Resolve, resolve
from app.modules.jobs.repository import queue
from app.modules.jobs.running.worker import Worker
from app.modules.webhooks.following.follower import Follower
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.webhooks.receiver import Receiver
from tests.people import Person

CONTEXT = RequestContext.for_job("test")
ALL = ("webhooks:create", "webhooks:update", "webhooks:delete")


async def webhook(person: Person, receiver: Receiver, *event_types: str, **values: Any) -> dict[str, Any]:
    """A webhook of `person`, with its secret."""
    body = {"name": "Shop", "url": receiver.url, "event_types": event_types or ["*"], **values}
    answer = await person.post("/webhooks", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def follow(database: Database) -> None:
    """Seal what happened, and ask for the deliveries."""
    await seal_all(sealer_of(database))
    follower = Follower(database)
    for _ in range(20):
        await follower.run()


async def work(database: Database, find: Resolve = resolve) -> int:
    """Run every job that is due; the number of attempts."""

    def end_process() -> None:
        raise AssertionError("the worker would end its process")

    outgoing, attempts = Outgoing(database.settings.outgoing, find=find), 0
    worker = Worker(database, outgoing, database.settings.jobs, end_process)
    try:
        while await worker.run_next():
            attempts += 1
    finally:
        await outgoing.close()
    return attempts


async def wait_over(database: Database) -> None:
    """Let all jobs be due that wait for their next attempt."""
    past = now() - timedelta(seconds=1)
    async with database.unit_of_work(CONTEXT) as session:
        await session.execute(update(queue).values(run_at=past, rank=past))


async def arrive(database: Database) -> None:
    """Let what happened arrive."""
    await follow(database)
    await work(database)


async def deliveries(person: Person, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """The attempts to deliver, the first one first."""
    answer = await person.get(f"/webhooks/{hook['id']}/deliveries", params={"sort": "at"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found
