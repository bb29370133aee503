"""Task endpoints."""

from app.core.http.router import Router
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_history
from app.modules.tasks.schemas import TaskCreate, TaskQuery, TaskRead, TaskUpdate
from app.modules.tasks.service import TaskService

router = Router(
    "tasks", name="Tasks", group="Work", icon="square-check", sort_order=10, about="Tasks, and the users who do them."
)

resource = Resource(
    name="task",
    service=TaskService,
    create=TaskCreate,
    update=TaskUpdate,
    read=TaskRead,
    query=TaskQuery,
)
add_resource(router, resource)
add_history(router, resource)
