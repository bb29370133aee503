"""What a product needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

PATH, SLUG, ENTITY = "/products", "products", "product"
CHANGE: dict[str, Any] = {"name": "Changed"}


def body() -> dict[str, Any]:
    return {"sku": f"S-{uuid4().hex[:12]}", "name": "Lamp", "price": "19.90", "currency": "EUR"}
