"""What a task needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/tasks", "tasks", "task"
CHANGE: dict[str, Any] = {"title": "Changed"}


def body() -> dict[str, Any]:
    return {"title": f"Task {uuid4().hex[:8]}"}
