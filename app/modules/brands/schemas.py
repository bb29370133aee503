"""What clients send and receive of brands."""

from typing import ClassVar

from app.core.page import EntityQuery
from app.core.schema import Name, Patch, Read, Schema, Text, example


class BrandCreate(Schema):
    model_config = example(name="Lumen", description="Makers of lamps.")

    name: Name
    description: Text | None = None


class BrandUpdate(Patch, BrandCreate):
    pass


class BrandRead(Read):
    name: str
    description: str | None


class BrandQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name")
