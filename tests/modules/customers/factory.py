"""What a customer needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/customers", "customers", "customer"
CHANGE: dict[str, Any] = {"status": "blocked"}


def body() -> dict[str, Any]:
    return {"first_name": "Carla", "last_name": "Customer", "email": f"{uuid4().hex[:12]}@example.com"}
