"""How an attempt ends: the job is done, has failed, was cancelled, or waits for the next attempt."""

import random
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from app.core.clock import now
from app.core.db.integrity import is_transient, to_problem
from app.core.db.session import AnyRow, Session
from app.core.errors import Problem
from app.core.jobs import GiveUp, LeaseLost, Retry
from app.modules.jobs.models import Job, JobState
from app.modules.jobs.repository import QueueRepository

FIRST_DELAY, LONGEST_DELAY = 2.0, 600.0
"""Seconds of the longest waiting time before the second attempt, and before any. It doubles from one to the next."""
SERVER_ERROR = 500
LONGEST_NAME = 80


async def end_job(session: Session, claim: AnyRow, state: JobState, **outcome: Any) -> None:
    """Record how a job ended, in the transaction of its effects. Raises LeaseLost."""
    if not await QueueRepository(session).end(claim.lease):
        raise LeaseLost
    job = await session.load(Job, claim.id)
    if job is None:
        raise LeaseLost
    job.state, job.attempts, job.ended_at = state, claim.attempt, now()
    if state is not JobState.failed:  # which can be tried again
        job.content = None
    for name, value in outcome.items():
        setattr(job, name, value)


def delay_after(attempt: int) -> float:
    """Seconds until the attempt after this one: any time up to one that doubles (full jitter)."""
    return random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (attempt - 1)))  # noqa: S311  # spreads the load


def is_final(error: Exception) -> bool:
    """Whether another attempt would fail in the same way."""
    if isinstance(error, StaleDataError) or (isinstance(error, DBAPIError) and is_transient(error)):
        return False
    problem = error if isinstance(error, Problem) else to_problem(error) if isinstance(error, DBAPIError) else None
    return isinstance(error, GiveUp) or (problem is not None and problem.status < SERVER_ERROR)


def describe(error: Exception) -> str:
    """What a job says about why it failed: a code, or the name of an exception. Never a value."""
    if isinstance(error, GiveUp):
        return error.reason[:LONGEST_NAME]
    problem = error if isinstance(error, Problem) else to_problem(error) if isinstance(error, DBAPIError) else None
    return problem.code if problem is not None else type(error).__name__[:LONGEST_NAME]


async def end_failed(session: Session, claim: AnyRow, error: Exception, attempts: int, priority: int) -> JobState:
    """Record that an attempt failed: the job waits for the next one, or has failed. Raises LeaseLost."""
    if is_final(error) or claim.attempt >= attempts:
        await end_job(session, claim, JobState.failed, error=describe(error))
        return JobState.failed
    delay = error.after if isinstance(error, Retry) and error.after is not None else delay_after(claim.attempt)
    run_at = now() + timedelta(seconds=delay)
    if not await QueueRepository(session).give_back(claim.lease, run_at, priority, counts=True):
        raise LeaseLost
    return JobState.queued
