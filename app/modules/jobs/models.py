"""Jobs, and the queue of those that are not done."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field

from app.core.clock import now
from app.core.db.column_types import JSON_DOCUMENT, Instant, enum_type
from app.core.db.entity import Bookkeeping, Entity, filter_indexes, sort_indexes
from app.core.db.redaction import PLAIN, SECRET, redacted

UNTOLD = text("hint_at IS NOT NULL")


class JobState(StrEnum):
    """What became of a job. A queued one that a worker has is running."""

    queued = "queued"
    running = "running"
    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"


class Job(Entity, table=True):
    """Work that was asked for, and what came of it. Who asked is who created it."""

    __tablename__ = "job"
    __table_args__ = (
        *sort_indexes("job", "created_at", "updated_at"),
        *filter_indexes("job", "kind", "state", "created_by_id"),
    )

    kind: str = Field(max_length=80)
    """What is done: the name of a kind of jobs, such as `products.import`."""
    state: JobState = Field(default=JobState.queued, sa_type=enum_type(JobState))
    """Whether it is to be done, or how it ended."""
    content: bytes | None = redacted(SECRET, default=None, sa_type=LargeBinary)
    """What it is about, encrypted; null once it has succeeded or was cancelled, or a person was erased."""
    once: str | None = Field(default=None, max_length=200, unique=True)
    """What it is asked for once by."""
    api_key_id: UUID | None = redacted(PLAIN, default=None, foreign_key="api_key.id")
    """The API key with which it was asked for: the job does what the key may."""
    request_id: str = Field(max_length=64)
    """The request that asked, in the words of its caller."""
    call_id: UUID
    """The request that asked, as its entries name it."""
    run_at: datetime = Field(default_factory=now, sa_type=Instant)
    """When it was to begin at the earliest."""
    attempts: int = 0
    """The attempts that were made, once it has ended."""
    result: dict[str, Any] | None = redacted(PLAIN, default=None, sa_type=JSON_DOCUMENT)
    """What came of it: counts and ids, no personal data; null where it has no result."""
    error: str | None = Field(default=None, max_length=80)
    """Why it failed: the code of a problem, or the name of an exception."""
    ended_at: datetime | None = Field(default=None, sa_type=Instant, index=True)
    """When it ended; null while it is to be done."""


class JobQueue(Bookkeeping, table=True):
    """A job that is to be done. A worker has it until `leased_until`; the row goes with the end of the job."""

    __tablename__ = "job_queue"
    __table_args__ = (
        Index("ix_job_queue_queue_rank", "queue", "rank"),
        Index("ix_job_queue_hint_at", "hint_at", postgresql_where=UNTOLD, sqlite_where=UNTOLD),
    )
    not_audited = "moves with every attempt; the job itself has who asked for it and what came of it"

    id: UUID = Field(primary_key=True, foreign_key="job.id", ondelete="CASCADE")
    """The job."""
    queue: str = Field(max_length=40)
    """The queue, which some workers serve and others do not."""
    run_at: datetime = Field(sa_type=Instant)
    """When the next attempt begins at the earliest."""
    rank: datetime = Field(sa_type=Instant)
    """Its place in the queue: `run_at`, and a minute for each step of priority, so that nothing waits for ever."""
    attempt: int = 0
    """The number of the attempt that runs, or was the last."""
    lease: UUID | None = Field(default=None, unique=True)
    """The claim of the worker that has it, or was the last: no other may end the job."""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    """When another worker may take it; null while no worker has it."""
    is_cancelled: bool = False
    """Whether the worker is asked to stop."""
    progress: int = 0
    """How far the attempt is, in percent."""
    hint_at: datetime | None = Field(default=None, sa_type=Instant)
    """From when on a broker tells workers of it; null once it was told to, and where no broker does."""
