"""What a brand needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/brands", "brands", "brand"
CHANGE: dict[str, Any] = {"description": "Changed"}


def body() -> dict[str, Any]:
    return {"name": f"Brand {uuid4().hex[:8]}"}
