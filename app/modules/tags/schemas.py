"""Request and response schemas of tags."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from app.core.db.pagination import EntityQuery
from app.core.fields.text import Name
from app.core.resources.schemas import ItemRead, Patch, Schema, example
from app.modules.tags.models import Tag

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$", max_length=7)]


class TagCreate(Schema):
    """A new tag."""

    model_config = example(name="Sale", colour="#d32f2f")

    name: Name
    """The name, unique ignoring case."""
    colour: Colour | None = None
    """The colour, `#rrggbb`."""


class TagUpdate(Patch, TagCreate):
    """A change of a tag."""


class TagRead(ItemRead):
    """A tag."""

    name: str
    """The name."""
    colour: str | None
    """The colour, `#rrggbb`."""


class TagQuery(EntityQuery):
    """The parameters of a list of tags."""

    lists: ClassVar = Tag
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "name")
    filterable: ClassVar[tuple[str, ...]] = ("name",)
