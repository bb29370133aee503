"""Task endpoints."""

from app.core.resource import Resource, add_resource
from app.core.routing import Router
from app.modules.audit import add_history
from app.modules.tasks.schemas import TaskCreate, TaskQuery, TaskRead, TaskUpdate
from app.modules.tasks.service import TaskService

router = Router(
    "tasks", name="Tasks", group="Work", icon="check-square", sort_order=10, about="Work to be done, and who does it."
)

add_resource(router, Resource("task", TaskService, TaskCreate, TaskUpdate, TaskRead, TaskQuery))
add_history(router, "task")
