"""Task rules: which status may follow which."""

from typing import Any

from app.core.errors import Conflict
from app.core.schema import Schema
from app.core.service import Service
from app.core.types import now
from app.modules.tasks.models import Task, TaskStatus
from app.modules.tasks.repository import TaskRepository

NEXT: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.todo: frozenset({TaskStatus.in_progress, TaskStatus.cancelled}),
    TaskStatus.in_progress: frozenset({TaskStatus.done, TaskStatus.cancelled}),
    TaskStatus.done: frozenset({TaskStatus.todo}),
    TaskStatus.cancelled: frozenset({TaskStatus.todo}),
}


class InvalidTransition(Conflict):
    """The task cannot go from its status to the one asked for."""

    code = "invalid-transition"


class TaskService(Service[Task]):
    repository = TaskRepository

    def new(self, data: Schema) -> Task:
        values = data.model_dump()
        return Task(**values, **completion(values["status"]))

    def revised(self, row: Task, changes: dict[str, Any]) -> dict[str, Any]:
        status = changes.get("status", row.status)
        if status == row.status:
            return changes
        if status not in NEXT[row.status]:
            raise InvalidTransition(f"A task that is {row.status} cannot become {status}.")
        return {**changes, **completion(status)}


def completion(status: TaskStatus) -> dict[str, Any]:
    return {"completed_at": now() if status is TaskStatus.done else None}
