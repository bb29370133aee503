"""Queries over tasks."""

from app.core.db.repository import Repository
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskRead


class TaskRepository(Repository[Task]):
    """Tasks."""

    model = Task
    read = TaskRead
