"""Query, request and response schemas of schedules."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.resources.schemas import Patch, Read, Schema
from app.modules.jobs.schedules.models import JobSchedule


class StoredSchedule(Read):
    """A schedule as it is stored."""

    name: str
    """The stable name."""
    kind: str
    """The kind of the jobs that it asks for, such as `products.import`."""
    rule: str
    """When it does: a cron expression in UTC, or `every 60 s`."""
    enabled: bool
    """Whether it asks for jobs."""
    next_at: datetime | None
    """When it asks for the next job; null while it is off."""
    last_at: datetime | None
    """When it last asked for a job; null before the first."""
    last_job_id: UUID | None
    """The last job that it asked for; null before the first, and once that was removed."""


class ScheduleRead(StoredSchedule):
    """A schedule: a job that is asked for at certain times."""

    is_off_by_setting: bool
    """Whether the settings of the server turn it off, whatever `enabled` says."""


class ScheduleEdit(Schema):
    """The fields of a schedule that an administrator may change."""

    enabled: bool = True
    """Whether it asks for jobs."""


class ScheduleUpdate(Patch, ScheduleEdit):
    """A change of a schedule."""


class ScheduleQuery(FieldsQuery, PageQuery):
    """The parameters of a list of schedules."""

    lists: ClassVar = JobSchedule
    filterable: ClassVar[tuple[str, ...]] = ("kind", "enabled")
    sortable: ClassVar[tuple[str, ...]] = ("name", "created_at")
    default_sort: ClassVar[str] = "name"
