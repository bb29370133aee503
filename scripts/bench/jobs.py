"""What jobs cost, by mode: one worker makes brands by jobs, in turns, and then has nothing to do.

Without a job, the same brands are made in transactions of their own, so that the difference is what the job costs.
"""

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from app.core.config import AuditSettings, Environment, JobSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.main import open_database
from app.modules.brands.schemas import BrandCreate
from app.modules.brands.service import BrandService
from app.modules.jobs.models import JobQueue
from app.modules.users import User
from scripts.bench.databases import new_database
from scripts.bench.figures import markdown
from scripts.bench.targets import backends_of
from scripts.processes import cpu_seconds
from scripts.servers import ROOT, migrate
from tests.databases import Postgresql
from tests.modules.jobs.kinds import ask, context_of, make_brand

JOBS = 300
IDLE_SECONDS = 15.0
QUIET_SECONDS = 3.0
"""How long a worker has before its idleness is measured."""
PLACES = {
    "SQLite, table": (None, "table"),
    "PostgreSQL, table": ("postgresql", "table"),
    "PostgreSQL, rabbitmq": ("postgresql", "rabbitmq"),
    "PostgreSQL, nats": ("postgresql", "nats"),
}
"""By name, the database and the mode."""
BROKERS = {
    "rabbitmq": os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/"),
    "nats": os.environ.get("TEST_NATS_URL", "nats://127.0.0.1:4222"),
}
queue = table_of(JobQueue)


@dataclass(frozen=True)
class Turn:
    """What the jobs of one turn took."""

    seconds: float
    worker: float
    """Seconds of CPU of the worker."""
    backends: float
    """And of the processes of the database; in SQLite they are in the worker."""


@dataclass(frozen=True)
class Place:
    """A database in a mode."""

    database: Database
    environment: Mapping[str, str]
    user: RequestContext


async def prepare(environment: dict[str, str], mode: str) -> Place:
    """A database with a user who may make brands, and the environment of its workers."""
    url = BROKERS.get(mode)
    jobs = JobSettings.model_validate({"mode": mode, "broker_url": url, "broker_prefix": f"bench-{mode}"})
    settings = Settings(
        _env_file=None,
        environment=Environment.test,
        database_url=SecretStr(environment["DATABASE_URL"]),
        state_dir=Path(environment["STATE_DIR"]),
        audit=AuditSettings(sealer="apart"),
        jobs=jobs,
    )
    database = open_database(settings)
    user = User(username="bench", email="bench@example.com", password_hash="-", is_superuser=True)  # noqa: S106  # no hash: no one can sign in
    async with database.unit_of_work(RequestContext.for_job("bench")) as session:
        session.add(user)
    told = {"AUDIT__SEALER": "apart", "JOBS__MODE": mode, "JOBS__BROKER_PREFIX": jobs.broker_prefix}
    return Place(database, {**environment, **told, "JOBS__BROKER_URL": url or ""}, context_of(user.id, "*"))


@contextmanager
def run_worker(place: Place) -> Iterator[int]:
    """A worker process, by its id."""
    command = [sys.executable, "-m", "tests.modules.jobs.process", "worker"]
    environment = {**os.environ, **place.environment}
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield worker.pid
    finally:
        worker.terminate()
        worker.wait()


async def cpu_of(place: Place, worker: int) -> tuple[float, float]:
    url = place.environment["DATABASE_URL"]
    backends = await backends_of(url) if url.startswith("postgresql") else []
    return cpu_seconds(worker), sum(map(cpu_seconds, backends))


async def wait_until_done(place: Place) -> None:
    """Wait until no job waits."""
    session = place.database.read_session(RequestContext.for_job("bench"))
    while await session.value(select(func.count()).select_from(queue)):  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(0.02)


async def run_jobs(place: Place, worker: int, turn: str) -> Turn:
    """Ask for jobs while the worker is stopped, and let it run them."""
    os.kill(worker, signal.SIGSTOP)
    for number in range(JOBS):
        await ask(place.database, place.user, make_brand, f"{turn} {number}")
    before, began = await cpu_of(place, worker), time.perf_counter()
    os.kill(worker, signal.SIGCONT)
    await wait_until_done(place)
    seconds, after = time.perf_counter() - began, await cpu_of(place, worker)
    return Turn(seconds, after[0] - before[0], after[1] - before[1])


async def time_writes(place: Place, turn: str) -> tuple[float, float]:
    """(the seconds of a brand, those of asking for a job that makes one), each in a transaction of its own."""
    began = time.process_time()
    for number in range(JOBS):
        async with place.database.unit_of_work(place.user) as session:
            await BrandService(session).create(BrandCreate(name=f"direct {turn} {number}"))
    between = time.process_time()
    for number in range(JOBS):
        await ask(place.database, place.user, make_brand, f"asked {turn} {number}", after=86_400)
    return (between - began) / JOBS, (time.process_time() - between) / JOBS


async def measure_idleness(place: Place, worker: int) -> float:
    """The share of a core that a worker without a job takes, with its processes of the database."""
    await asyncio.sleep(QUIET_SECONDS)
    before = sum(await cpu_of(place, worker))
    await asyncio.sleep(IDLE_SECONDS)
    return (sum(await cpu_of(place, worker)) - before) / IDLE_SECONDS


async def take_turns(environments: Mapping[str, dict[str, str]], rounds: int) -> list[list[str]]:
    """A line for each place."""
    places = {name: await prepare(environment, PLACES[name][1]) for name, environment in environments.items()}
    turns: dict[str, list[Turn]] = {name: [] for name in places}
    idle: dict[str, float] = {}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(run_worker(place)) for name, place in places.items()}
        for name, place in places.items():
            await run_jobs(place, workers[name], "warm-up")
        for number in range(rounds):
            for name in random.sample(list(places), len(places)):
                turns[name].append(await run_jobs(places[name], workers[name], f"turn {number}"))
        for name, place in places.items():
            idle[name] = await measure_idleness(place, workers[name])
    written = {name: await time_writes(place, "last") for name, place in places.items()}
    for place in places.values():
        await place.database.dispose()
    return [describe(name, turns[name], written[name], idle[name]) for name in places]


def describe(name: str, turns: list[Turn], written: tuple[float, float], idle: float) -> list[str]:
    """The figures of a place, from the middle of its turns."""
    rate = statistics.median(JOBS / turn.seconds for turn in turns)
    worker, backends = (
        statistics.median(getattr(turn, part) / JOBS * 1000 for turn in turns) for part in ("worker", "backends")
    )
    direct, asked = (seconds * 1000 for seconds in written)
    return [
        name, f"{rate:.0f}", f"{worker:.1f}", f"{backends:.1f}", f"{direct:.1f}", f"{asked:.1f}", f"{idle * 100:.1f} %",
    ]  # fmt: skip


def compare_modes(backend: Postgresql, folder: str, rounds: int) -> str:
    """Jobs a second of one worker with ten places, the CPU of a job, and that of asking for one."""
    with ExitStack() as stack:
        environments = {}
        for name, (database, mode) in PLACES.items():
            url = stack.enter_context(new_database(backend, f"bench_jobs_{mode}")) if database else None
            place = f"{folder}/jobs-{name}"
            Path(place).mkdir()
            environments[name] = migrate(place, url)
        lines = asyncio.run(take_turns(environments, rounds))
    head = [
        "one worker", "jobs/s", "ms of CPU a job: worker", "database", "ms to make a brand", "to ask for a job", "idle",
    ]  # fmt: skip
    return markdown(head, lines)
