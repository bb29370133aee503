"""`python -m tests.modules.jobs.asker NAME`: asks for a job, and is killed as soon as that is committed."""

import asyncio
import os
import signal
import sys

import app.__main__  # noqa: F401  # imports all without collections of garbage
from app.core.config import settings
from app.core.context import RequestContext
from app.core.jobs import enqueue
from app.main import open_database
from tests.modules.jobs.kinds import Wanted, make_as_system


async def ask_and_die(name: str) -> None:
    database = open_database(settings())
    async with database.unit_of_work(RequestContext.for_job("asker")) as session:
        await enqueue(session, make_as_system, Wanted(name=name))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(ask_and_die(sys.argv[1]))
