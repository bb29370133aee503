"""Jobs in the processes of the API, which is what a server does that is given no setting of jobs."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.core.jobs import enqueue
from app.modules.brands.models import Brand
from app.modules.jobs.models import Job, JobQueue
from scripts.servers import LAUNCHERS, UNLIMITED, Server
from tests.fixtures.servers import environment_of
from tests.modules.jobs.kinds import Gated, context_of, make_behind_a_gate
from tests.people import SignedInAs

PATIENCE_SECONDS = 60
brands, jobs, queue = table_of(Brand), table_of(Job), table_of(JobQueue)
pytestmark = [
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def program() -> str:
    """What serves: the command line with the kinds of the tests, or with a schedule too."""
    return "process"


@pytest.fixture
def unset(program: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server, not started yet, that knows the kinds of the tests and has no setting of jobs. It stops sooner."""
    monkeypatch.setitem(LAUNCHERS, "tests", (f"tests.modules.jobs.{program}", "serve"))
    environment = {name: value for name, value in environment_of(settings).items() if not name.startswith("JOBS__")}
    return Server(environment | UNLIMITED | {"SERVER__STOP_SECONDS": "6"}, launcher="tests")


async def read(database: Database, id: UUID) -> tuple[AnyRow, AnyRow | None]:
    """A job, and its row of the queue."""
    session = database.read_session(RequestContext.for_job("test"))
    job = await session.first(select(jobs).where(jobs.c.id == id))
    assert job is not None
    return job, await session.first(select(queue).where(queue.c.id == id))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(PATIENCE_SECONDS * 10):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come to that")


async def test_a_server_without_settings_runs_jobs_and_loses_no_attempt_when_it_stops(
    database: Database, unset: Server, tmp_path: Path, signed_in_as: SignedInAs
) -> None:
    maker, gate = await signed_in_as("brands:create"), tmp_path / "gate"

    async def ask(name: str, behind: Path) -> UUID:
        async with database.unit_of_work(context_of(maker.id)) as session:
            return await enqueue(session, make_behind_a_gate, Gated(name=name, gate=behind))

    async def is_running() -> bool:
        waiting = (await read(database, blocked))[1]
        return waiting is not None and waiting.leased_until is not None

    async def are_done() -> bool:
        return all([(await read(database, each))[0].state == "succeeded" for each in (free, blocked)])

    with unset.start(log=tmp_path / "first.log"):
        free = await ask("Free", tmp_path)
        blocked = await ask("Blocked", gate)
        await until(is_running)
        assert unset.process is not None
        unset.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(unset.process.wait, PATIENCE_SECONDS)
    stopped, waiting = await read(database, blocked)
    gate.touch()
    with unset.start(log=tmp_path / "second.log"):
        await until(are_done)
    done, _ = await read(database, blocked)

    assert code == 0
    assert waiting is not None
    assert (stopped.state, waiting.attempt, waiting.leased_until) == ("queued", 0, None)
    assert (done.attempts, done.result) == (1, {"brands": 1})


@pytest.mark.parametrize("program", ["scheduled"])
async def test_a_server_without_settings_runs_the_jobs_of_schedules(
    database: Database, unset: Server, tmp_path: Path
) -> None:
    session = database.read_session(RequestContext.for_job("test"))

    async def have_run() -> bool:
        return len(await session.all(select(jobs.c.id).where(jobs.c.state == "succeeded"))) >= 2

    with unset.start(log=tmp_path / "server.log"):
        await until(have_run)
        assert unset.terminate() == 0

    done = await session.all(select(jobs.c.once, jobs.c.attempts).where(jobs.c.state == "succeeded"))
    made = await session.all(select(brands.c.name))
    assert len({row.once for row in done}) == len(done) == len(made)
    assert {row.attempts for row in done} == {1}
