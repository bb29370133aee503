"""Query and response schemas of jobs."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.resources.schemas import Read
from app.modules.jobs.models import Job, JobState


class JobRead(Read):
    """A job: work that was asked for, and what came of it."""

    kind: str
    """What is done, such as `products.import`."""
    api_key_id: UUID | None
    """The API key with which it was asked for."""
    request_id: str
    """The request that asked, in the words of its caller."""
    call_id: UUID
    """The request that asked, as the audit log names it."""
    state: JobState
    """Whether it is to be done, runs, or how it ended."""
    progress: int | None
    """How far it is, in percent, from what it last said; null once it has ended."""
    attempt: int | None
    """The number of the attempt that runs, or was the last; 0 before the first, null once it has ended."""
    attempts: int
    """The attempts that were made, once it has ended."""
    run_at: datetime
    """When it was to begin at the earliest."""
    leased_until: datetime | None
    """When another worker may take it; null where no worker has it."""
    result: dict[str, Any] | None
    """What came of it; null where it has no result."""
    error: str | None
    """Why it failed: the code of a problem, or the name of an exception."""
    ended_at: datetime | None
    """When it ended; null while it is to be done."""


class JobQuery(FieldsQuery, PageQuery):
    """The parameters of a list of jobs."""

    lists: ClassVar = Job
    sortable: ClassVar[tuple[str, ...]] = ("created_at",)
    filterable: ClassVar[tuple[str, ...]] = ("kind", "created_by_id")

    state: JobState | None = None
    """Only jobs in this state."""
