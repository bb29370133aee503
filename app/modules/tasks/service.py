"""Task rules: which status may follow which."""

from typing import Any
from uuid import UUID

from app.core.errors import Conflict
from app.core.schema import Patch, Schema
from app.core.service import Service
from app.core.types import now
from app.modules.tasks.models import Status, Task
from app.modules.tasks.repository import TaskRepository

NEXT: dict[Status, frozenset[Status]] = {
    Status.todo: frozenset({Status.in_progress, Status.cancelled}),
    Status.in_progress: frozenset({Status.done, Status.cancelled}),
    Status.done: frozenset({Status.todo}),
    Status.cancelled: frozenset({Status.todo}),
}


class InvalidTransition(Conflict):
    """The task cannot go from its status to the one asked for."""

    code = "invalid-transition"


class TaskService(Service[Task]):
    repository = TaskRepository

    async def create(self, data: Schema) -> Task:
        values = data.model_dump()
        return await self.rows.add(Task(**values, **completion(values["status"])))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> Task:
        task = await self.rows.load(id, if_match)
        changes = data.changes()
        status = changes.get("status", task.status)
        if status != task.status:
            if status not in NEXT[task.status]:
                raise InvalidTransition(f"A task that is {task.status} cannot become {status}.")
            changes |= completion(status)
        return await self.rows.change(task, changes)


def completion(status: Status) -> dict[str, Any]:
    return {"completed_at": now() if status is Status.done else None}
