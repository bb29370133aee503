"""What clients send and receive of tasks."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from app.core.page import EntityQuery
from app.core.schema import Day, Name, Patch, Read, Schema, Text, example
from app.modules.tasks.models import TaskPriority, TaskStatus


class TaskCreate(Schema):
    model_config = example(title="Count the lamps", priority="high", due_date="2030-01-31")

    title: Name
    description: Text | None = None
    status: TaskStatus = TaskStatus.todo
    priority: TaskPriority = TaskPriority.normal
    due_date: Day | None = None
    assignee_id: UUID | None = None


class TaskUpdate(Patch, TaskCreate):
    pass


class TaskRead(Read):
    title: str
    description: str | None
    status: TaskStatus
    priority: TaskPriority
    due_date: date | None
    assignee_id: UUID | None
    completed_at: datetime | None


class TaskQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "title", "due_date")

    status: list[TaskStatus] = Field(default_factory=list, max_length=50)
    priority: list[TaskPriority] = Field(default_factory=list, max_length=50)
    assignee_id: UUID | None = None
    due_date_lt: Day | None = None
    due_date_gte: Day | None = None
