"""Request and response schemas of brands."""

from typing import ClassVar

from app.core.db.pagination import EntityQuery
from app.core.fields.text import Name, Text
from app.core.resources.schemas import ItemRead, Patch, Schema, example
from app.modules.brands.models import Brand


class BrandCreate(Schema):
    """A new brand."""

    model_config = example(name="Lumen", description="Makers of lamps.")

    name: Name
    """The name, unique ignoring case."""
    description: Text | None = None
    """A description."""


class BrandUpdate(Patch, BrandCreate):
    """A change of a brand."""


class BrandRead(ItemRead):
    """A brand."""

    name: str
    """The name."""
    description: str | None
    """A description."""


class BrandQuery(EntityQuery):
    """The parameters of a list of brands."""

    lists: ClassVar = Brand
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name")
    filterable: ClassVar[tuple[str, ...]] = ("name",)
