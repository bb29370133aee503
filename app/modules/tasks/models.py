"""Tasks."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field

from app.core.db.column_types import Instant, enum_type
from app.core.db.entity import Entity, SoftDelete, filter_indexes, sort_indexes
from app.core.db.full_text import search_index
from app.core.db.row_scopes import RowScope, RowScopes
from app.core.db.targets import SHOWN_AS


class TaskStatus(StrEnum):
    """The status of a task."""

    todo = "todo"
    in_progress = "in_progress"
    done = "done"
    cancelled = "cancelled"


class TaskPriority(StrEnum):
    """The priority of a task."""

    low = "low"
    normal = "normal"
    high = "high"
    urgent = "urgent"


class Task(SoftDelete, Entity, table=True):
    """A task."""

    __tablename__ = "task"
    __table_args__ = (
        *sort_indexes("task", "created_at", "updated_at", "title", "due_date"),
        *filter_indexes("task", "status", "priority", "assignee_id", "created_by_id"),
        search_index("task", "title", "description"),
        {"info": {SHOWN_AS: "title"}},
    )

    visible_references = frozenset({"assignee_id"})
    row_scopes = RowScopes(
        "tasks", (RowScope("own", "Tasks that you created or that you are to do", ("created_by_id", "assignee_id")),)
    )

    title: str = Field(max_length=200)
    """The work to be done."""
    description: str | None = Field(default=None, max_length=10_000)
    """A description."""
    status: TaskStatus = Field(default=TaskStatus.todo, sa_type=enum_type(TaskStatus))
    """The status of the task."""
    priority: TaskPriority = Field(default=TaskPriority.normal, sa_type=enum_type(TaskPriority))
    """The priority of the task."""
    due_date: date | None = None
    """The day by which it should be done."""
    assignee_id: UUID | None = Field(default=None, foreign_key="user.id")
    """The user who does it."""
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the task was done; null while it is not."""
