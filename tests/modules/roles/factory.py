"""What a role needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/roles", "roles", "role"
CHANGE: dict[str, Any] = {"description": "Changed"}


def body() -> dict[str, Any]:
    return {"name": f"Role {uuid4().hex[:8]}"}
