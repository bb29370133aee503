"""What clients send and receive of tasks."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema, Text
from app.modules.tasks.models import Priority, Status


class TaskCreate(Schema):
    title: Name
    description: Text | None = None
    status: Status = Status.todo
    priority: Priority = Priority.normal
    due_date: date | None = None
    assignee_id: UUID | None = None


class TaskUpdate(Patch, TaskCreate):
    pass


class TaskRead(Read):
    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: date | None
    assignee_id: UUID | None
    completed_at: datetime | None


class TaskQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "title", "due_date")

    status: list[Status] = Field(default_factory=list)
    priority: list[Priority] = Field(default_factory=list)
    assignee_id: UUID | None = None
    due_date_lt: date | None = None
    due_date_gte: date | None = None
