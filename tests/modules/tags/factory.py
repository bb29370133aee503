"""A tag that can be created, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/tags", "tags", "tag"
CHANGE: dict[str, Any] = {"colour": "#d32f2f"}


def body() -> dict[str, Any]:
    return {"name": f"Tag {uuid4().hex[:8]}"}
