"""Task endpoints."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from app.core.db import provided, reading
from app.core.guard import requires
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.audit import ChangeRead, History, HistoryQuery
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskCreate, TaskQuery, TaskRead, TaskUpdate
from app.modules.tasks.service import TaskService

router = Router("tasks", name="Tasks", group="Work", icon="check-square", sort_order=10)

Tasks = Annotated[TaskService, provided(TaskService)]
ReadTasks = Annotated[TaskService, reading(TaskService)]


@router.get("", response_model=Page[TaskRead], dependencies=[requires("tasks:read")])
async def list_tasks(tasks: ReadTasks, query: Annotated[TaskQuery, Query()]) -> Window:
    """List tasks."""
    return await tasks.page(query)


@router.post("", response_model=TaskRead, status_code=HTTPStatus.CREATED, dependencies=[requires("tasks:create")])
async def create_task(tasks: Tasks, data: TaskCreate) -> Task:
    """Create a task."""
    return await tasks.create(data)


@router.get("/{id}", response_model=TaskRead, dependencies=[requires("tasks:read")])
async def get_task(tasks: ReadTasks, id: UUID) -> Any:
    """Get a task."""
    return await tasks.get(id)


@router.patch("/{id}", response_model=TaskRead, dependencies=[requires("tasks:update")])
async def update_task(tasks: Tasks, id: UUID, data: TaskUpdate, if_match: IfMatch = None) -> Task:
    """Change some fields of a task."""
    return await tasks.update(id, data, if_match)


@router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=[requires("tasks:delete")])
async def delete_task(tasks: Tasks, id: UUID, if_match: IfMatch = None) -> None:
    """Hide a task."""
    await tasks.delete(id, if_match)


@router.post("/{id}/restore", response_model=TaskRead, dependencies=[requires("tasks:delete")])
async def restore_task(tasks: Tasks, id: UUID, if_match: IfMatch = None) -> Task:
    """Bring a hidden task back."""
    return await tasks.restore(id, if_match)


@router.get("/{id}/history", response_model=Page[ChangeRead], dependencies=[requires("tasks:read", "audit:read")])
async def task_history(history: History, id: UUID, query: Annotated[HistoryQuery, Query()]) -> Window:
    """Who changed this task, when, from what to what."""
    return await history.history("task", id, query)
