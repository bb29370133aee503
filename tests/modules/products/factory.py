"""What a product needs to exist, and a change that it allows."""

from typing import Any
from uuid import uuid4

from tests.modules.brands import factory as brands
from tests.people import Person

PATH, SLUG, ENTITY = "/products", "products", "product"
CHANGE: dict[str, Any] = {"name": "Changed"}


def body() -> dict[str, Any]:
    return {"sku": f"S-{uuid4().hex[:12]}", "name": "Lamp", "price": "19.90", "currency": "EUR"}


async def body_in_scope(person: Person) -> dict[str, Any]:
    """A product in the scope of a person: of a brand that the person created."""
    brand = (await person.post(brands.PATH, brands.body())).json()["id"]
    return {**body(), "brand_id": brand}
