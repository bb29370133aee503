"""What a category needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/categories", "categories", "category"
CHANGE: dict[str, Any] = {"description": "Changed"}


def body() -> dict[str, Any]:
    return {"name": f"Category {uuid4().hex[:8]}"}
