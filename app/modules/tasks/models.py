"""Tasks."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from app.core.model import Entity, SoftDelete
from app.core.search import search_index
from app.core.types import Instant, choice


class TaskStatus(StrEnum):
    todo = "todo"
    in_progress = "in_progress"
    done = "done"
    cancelled = "cancelled"


class TaskPriority(StrEnum):
    low = "low"
    normal = "normal"
    high = "high"
    urgent = "urgent"


class Task(SoftDelete, Entity, table=True):
    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_created_at_id", "created_at", "id"),
        Index("ix_task_status", "status"),
        search_index("task", "title", "description"),
    )

    title: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    status: TaskStatus = Field(default=TaskStatus.todo, sa_type=choice(TaskStatus))
    priority: TaskPriority = Field(default=TaskPriority.normal, sa_type=choice(TaskPriority))
    due_date: date | None = Field(default=None, index=True)
    assignee_id: UUID | None = Field(default=None, foreign_key="user.id", index=True)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
