"""Task rules: the allowed transitions between statuses."""

from typing import Any

from app.core.clock import now
from app.core.errors import Conflict
from app.core.resources.schemas import Schema
from app.core.resources.service import Service
from app.modules.tasks.models import Task, TaskStatus
from app.modules.tasks.repository import TaskRepository

TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.todo: frozenset({TaskStatus.in_progress, TaskStatus.cancelled}),
    TaskStatus.in_progress: frozenset({TaskStatus.done, TaskStatus.cancelled}),
    TaskStatus.done: frozenset({TaskStatus.todo}),
    TaskStatus.cancelled: frozenset({TaskStatus.todo}),
}


class InvalidTransition(Conflict):
    """The task cannot change from its status to the requested one."""

    code = "invalid-transition"
    pointer = "/body/status"
    remedy = "Choose a status that can follow: `errors` lists them."


class TaskService(Service[Task]):
    """Tasks."""

    repository = TaskRepository
    transitions = {"status": TRANSITIONS}  # noqa: RUF012  # the base class says that it is of the class

    def build(self, data: Schema) -> Task:
        task = super().build(data)
        task.completed_at = completion_of(task.status)["completed_at"]
        return task

    def apply_rules(self, row: Task, changes: dict[str, Any]) -> dict[str, Any]:
        status = changes.get("status", row.status)
        if status == row.status:
            return changes
        if status not in TRANSITIONS[row.status]:
            allowed = sorted(TRANSITIONS[row.status])
            detail = f"A task that is {row.status} cannot become {status}, only {' or '.join(allowed)}."
            raise InvalidTransition(detail, params={"from": row.status, "to": status, "allowed": list(allowed)})
        return {**changes, **completion_of(status)}


def completion_of(status: TaskStatus) -> dict[str, Any]:
    """The columns that follow from a status."""
    return {"completed_at": now() if status is TaskStatus.done else None}
