"""Work that outlives its request: what a job is, and how one is asked for. The module `jobs` stores and runs them."""

from app.core.jobs.enqueueing import NEW_JOBS, NewJob, NoJobStore, enqueue
from app.core.jobs.kinds import (
    PROCESS_QUEUE,
    JobKind,
    NoData,
    UnknownJobKind,
    find_kind,
    job,
    long_kinds,
    unlisted_kinds,
)
from app.core.jobs.schedules import Schedule, cron, every
from app.core.jobs.work import GiveUp, LeaseLost, Retry, Work

__all__ = [
    "NEW_JOBS",
    "PROCESS_QUEUE",
    "GiveUp",
    "JobKind",
    "LeaseLost",
    "NewJob",
    "NoData",
    "NoJobStore",
    "Retry",
    "Schedule",
    "UnknownJobKind",
    "Work",
    "cron",
    "enqueue",
    "every",
    "find_kind",
    "job",
    "long_kinds",
    "unlisted_kinds",
]
