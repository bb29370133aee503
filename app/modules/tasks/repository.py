"""Task queries."""

from app.core.repository import Repository
from app.modules.tasks.models import Task
from app.modules.tasks.schemas import TaskRead


class TaskRepository(Repository[Task]):
    model = Task
    read = TaskRead
