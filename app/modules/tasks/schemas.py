"""Request and response schemas of tasks."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from app.core.db.pagination import EntityQuery
from app.core.fields.read_only import ReadOnly
from app.core.fields.text import Name, Text
from app.core.fields.time import Day
from app.core.resources.schemas import ItemRead, Named, Patch, Schema, example
from app.modules.tasks.models import Task, TaskPriority, TaskStatus


class TaskCreate(Schema):
    """A new task."""

    model_config = example(title="Count the lamps", priority="high", due_date="2030-01-31")

    title: Name
    """The work to be done."""
    description: Text | None = None
    """A description."""
    status: TaskStatus = TaskStatus.todo
    """The status of the task."""
    priority: TaskPriority = TaskPriority.normal
    """The priority of the task."""
    due_date: Day | None = None
    """The day by which it should be done."""
    assignee_id: UUID | None = None
    """The user who does it."""


class TaskUpdate(Patch, TaskCreate):
    """A change of a task."""


class TaskRead(ItemRead):
    """A task, with the name of its assignee."""

    title: str
    """The work to be done."""
    description: str | None
    """A description."""
    status: TaskStatus
    """The status of the task."""
    priority: TaskPriority
    """The priority of the task."""
    due_date: date | None
    """The day by which it should be done."""
    assignee_id: UUID | None
    """The user who does it."""
    assignee: Named | None
    """The user who does it, with the user name."""
    completed_at: Annotated[datetime | None, ReadOnly("status")]
    """When the task was done; null while it is not."""


class TaskQuery(EntityQuery):
    """The parameters of a list of tasks."""

    lists: ClassVar = Task
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "title", "due_date", "status", "priority")
    filterable: ClassVar[tuple[str, ...]] = ("status", "priority", "assignee_id", "due_date")
    named: ClassVar[tuple[str, ...]] = ("assignee_id",)
