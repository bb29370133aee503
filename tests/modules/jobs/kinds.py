"""Kinds of jobs for tests: they make brands, whose rows and change entries are the effects to count."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel

from app.core.context import Actor, Principal, RequestContext
from app.core.db.engine import Database
from app.core.jobs import GiveUp, JobKind, NoData, Retry, Work, enqueue, job
from app.core.outgoing import Outgoing
from app.modules.brands.schemas import BrandCreate
from app.modules.brands.service import BrandService
from app.modules.jobs.running.worker import Worker


class Wanted(BaseModel):
    """A brand that is to be made."""

    name: str
    fails: int = 0
    """So many attempts fail."""


class Made(BaseModel):
    """How many brands were made."""

    brands: int


async def make(work: Work, data: Wanted) -> Made:
    """Make a brand, and fail as often as wanted after it."""
    await BrandService(work.session).create(BrandCreate(name=data.name))
    if work.attempt <= data.fails:
        await work.session.flush()
        raise Retry(after=0)
    return Made(brands=1)


@job("tests.make", Wanted, requires="brands:create", attempts=3)
async def make_brand(work: Work, data: Wanted) -> Made:
    """Make a brand."""
    return await make(work, data)


@job("tests.make-as-system", Wanted, as_system=True)
async def make_as_system(work: Work, data: Wanted) -> Made:
    """Make a brand, as the system."""
    return await make(work, data)


@job("tests.steps", Wanted, requires="brands:create", in_steps=True)
async def make_in_steps(work: Work, data: Wanted) -> Made:
    """Make two brands, each in a transaction of its own; the first attempt fails between them."""
    for number, half in enumerate(("first", "second"), 1):
        async with work.step() as session:
            await BrandService(session).create(BrandCreate(name=f"{data.name} {half} {work.attempt}"))
        work.report(number, 2)
        if work.attempt <= data.fails:
            raise Retry(after=0)
    return Made(brands=2)


@job("tests.break", Wanted, attempts=2)
async def break_down(_work: Work, data: Wanted) -> None:
    """Fail with an exception that has a name as its message."""
    raise ValueError(data.name)


@job("tests.give-up", Wanted)
async def give_up(_work: Work, _data: Wanted) -> None:
    """Fail for good."""
    raise GiveUp("no-such-thing")


@job("tests.wait", Wanted, requires="brands:create", seconds=60)
async def wait(work: Work, data: Wanted) -> None:
    """Make a brand, and then take a minute."""
    await make(work, data)
    await work.session.flush()
    await asyncio.sleep(60)


@job("tests.minute", Wanted, requires="brands:create")
async def make_for_a_minute(work: Work, data: Wanted) -> Made:
    """Take a minute, and then make a brand."""
    await asyncio.sleep(60)
    return await make(work, data)


class Gated(BaseModel):
    """A brand that is to be made as soon as there is a file."""

    name: str
    gate: Path


@job("tests.gated", Gated, requires="brands:create")
async def make_behind_a_gate(work: Work, data: Gated) -> Made:
    """Make a brand as soon as there is a file."""
    work.report(1, 2)
    while not data.gate.exists():  # noqa: ASYNC110  # another process makes it
        await asyncio.sleep(0.05)
    await BrandService(work.session).create(BrandCreate(name=data.name))
    return Made(brands=1)


@job("tests.too-long", Wanted, seconds=0.2, attempts=1)
async def take_too_long(_work: Work, _data: Wanted) -> None:
    """Take longer than an attempt may."""
    await asyncio.sleep(60)


@job("tests.own", Gated, requires="brands:create", queue="process", attempts=1, seconds=60)
async def make_in_process(work: Work, data: Gated) -> BaseModel | None:
    """Make a brand in the process that asks, as soon as there is a file."""
    return await make_behind_a_gate.handler(work, data)


def context_of(user_id: UUID, *permissions: str, api_key_id: UUID | None = None) -> RequestContext:
    """The context of a request of a user."""
    held = Principal(user_id, "", frozenset(permissions), datetime.max.replace(tzinfo=UTC), api_key_id=api_key_id)
    return RequestContext(request_id="ask", actor=Actor("user", user_id, "someone"), principal=held)


async def ask(
    database: Database, context: RequestContext, kind: JobKind[Wanted], name: str, fails: int = 0, **options: object
) -> UUID:
    """Ask for a job, in a transaction of its own."""
    async with database.unit_of_work(context) as session:
        return await enqueue(session, kind, Wanted(name=name, fails=fails), **options)  # type: ignore[arg-type]


def worker_of(database: Database) -> Worker:
    """A worker that looks for jobs when it is told to, and never ends the process of the test."""

    def end_process() -> None:
        raise AssertionError("the worker would end its process")

    settings = database.settings
    return Worker(database, Outgoing(settings.outgoing), settings.jobs, end_process)


async def run_all(database: Database) -> int:
    """Run every job that is due; the number of attempts."""
    worker, attempts = worker_of(database), 0
    while await worker.run_next():
        attempts += 1
    return attempts


@job("tests.slow", Wanted, requires="brands:create", attempts=1000)
async def make_slowly(work: Work, data: Wanted) -> Made:
    """Make a brand after a while, so that a kill finds it half done."""
    await asyncio.sleep(random.random() / 5)
    made = await make(work, data)
    await work.session.flush()
    await asyncio.sleep(random.random() / 20)
    return made


@job("tests.tick", NoData)
async def make_for_tick(work: Work, _data: NoData) -> Made:
    """Make a brand with the name of the job."""
    await BrandService(work.session).create(BrandCreate(name=f"Brand {work.id}"))
    return Made(brands=1)
