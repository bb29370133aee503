"""Asking for a job, in the transaction of the caller: it exists if and only if that is committed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from app.core.clock import now
from app.core.db.session import Session
from app.core.jobs.kinds import PROCESS_QUEUE, JobKind

D = TypeVar("D", bound=BaseModel)
NEW_JOBS = "new jobs"
"""Where the information of a session says that its transaction asks for jobs."""


class NoJobStore(RuntimeError):
    """Nothing stores jobs: the module that does is not there."""


@dataclass(frozen=True)
class NewJob:
    """A job that is to be stored."""

    kind: str
    content: bytes
    """What it is about, as JSON."""
    queue: str
    priority: int
    run_at: datetime
    once: str | None


async def enqueue(session: Session, kind: JobKind[D], data: D, *, once: str | None = None, after: float = 0) -> UUID:
    """Ask for a job in the transaction of `session`, to begin `after` seconds at the earliest. Returns its id.

    `once` is asked for once: where there is a job with it, whatever became of it, this returns the id of that. Raises
    Unavailable for a job of the queue `process` where this process has enough to do.
    """
    if session.hooks.store_job is None:
        raise NoJobStore
    if kind.queue == PROCESS_QUEUE and after:
        raise ValueError(f"{kind.name} begins at once, in this process")
    run_at = now() + timedelta(seconds=after)
    content = data.model_dump_json().encode()
    session.info[NEW_JOBS] = True
    return await session.hooks.store_job(session, NewJob(kind.name, content, kind.queue, kind.priority, run_at, once))
