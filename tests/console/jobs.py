"""Asks for jobs on the server of the demo data: no module has jobs of its own that a request could ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.jobs import JobKind, enqueue
from app.main import open_database
from tests.console.calls import calls_of
from tests.demo import Demo
from tests.modules.jobs.kinds import context_of

D = TypeVar("D", bound=BaseModel)
YEARLY = "tests.yearly"
"""The schedule of the server: only its program declares it, not the process of a test."""


@asynccontextmanager
async def database_of(demo: Demo) -> AsyncIterator[Database]:
    """The database of the server, with what modules attach to it."""
    wanted = {name.lower(): demo.environment[name] for name in ("ENVIRONMENT", "DATABASE_URL", "STATE_DIR")}
    database = open_database(Settings(_env_file=None, **wanted))  # type: ignore[arg-type]  # as the environment has them
    try:
        yield database
    finally:
        await database.dispose()


async def ask_for(demo: Demo, username: str, kind: JobKind[D], data: D, after: float = 0) -> UUID:
    """Ask for a job as one of the people. Returns its id."""
    async with calls_of(demo, username) as client:
        user_id = UUID((await client.get("/auth/me")).raise_for_status().json()["id"])
    async with database_of(demo) as database, database.unit_of_work(context_of(user_id)) as session:
        return await enqueue(session, kind, data, after=after)
