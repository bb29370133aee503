"""Tags."""

from sqlmodel import Field

from app.core.db.entity import Entity, SoftDelete, sort_indexes, unique_index
from app.core.db.full_text import search_index


class Tag(SoftDelete, Entity, table=True):
    """A tag."""

    __tablename__ = "tag"
    __table_args__ = (
        unique_index("tag", "name"),
        *sort_indexes("tag", "created_at", "updated_at", "name"),
        search_index("tag", "name"),
    )

    name: str = Field(max_length=200)
    """The name, unique ignoring case."""
    colour: str | None = Field(default=None, max_length=7)
    """The colour, `#rrggbb`."""
