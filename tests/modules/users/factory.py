"""What a user needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

from tests.people import FIRST_PASSWORD

PATH, SLUG, ENTITY = "/users", "users", "user"
CHANGE: dict[str, Any] = {"first_name": "Changed"}


def body() -> dict[str, Any]:
    name = f"user-{uuid4().hex[:10]}"
    return {"username": name, "email": f"{name}@example.com", "password": FIRST_PASSWORD}
