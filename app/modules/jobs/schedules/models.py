"""Schedules that the code declares, and how far each is."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping, Entity


class JobSchedule(Entity, table=True):
    """A schedule, which the code declares and an administrator can turn off."""

    __tablename__ = "job_schedule"

    name: str = Field(max_length=80, unique=True)
    """The stable name, from the code."""
    kind: str = Field(max_length=80)
    """The kind of the jobs that it asks for."""
    rule: str = Field(max_length=200)
    """When it does: a cron expression in UTC, or `every 60 s`."""
    enabled: bool = True
    """Whether it asks for jobs."""


class JobScheduleTick(Bookkeeping, table=True):
    """How far a schedule is."""

    __tablename__ = "job_schedule_tick"
    not_audited = "moves with every tick; the job that a tick asks for is audited, and so is the schedule"

    id: UUID = Field(primary_key=True, foreign_key="job_schedule.id", ondelete="CASCADE")
    """The schedule."""
    next_at: datetime = Field(sa_type=Instant)
    """The tick that comes next."""
    last_at: datetime | None = Field(default=None, sa_type=Instant)
    """The last tick at which a job was asked for; null before the first."""
    last_job_id: UUID | None = Field(default=None, foreign_key="job.id", ondelete="SET NULL", index=True)
    """The job of that tick; null once it was removed."""
