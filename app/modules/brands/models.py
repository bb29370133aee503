"""Brands."""

from sqlmodel import Field

from app.core.db.entity import Entity, SoftDelete, filter_indexes, sort_indexes, unique_index
from app.core.db.full_text import search_index


class Brand(SoftDelete, Entity, table=True):
    """A maker of products."""

    __tablename__ = "brand"
    __table_args__ = (
        unique_index("brand", "name"),
        *sort_indexes("brand", "created_at", "updated_at", "name"),
        *filter_indexes("brand", "created_by_id"),
        search_index("brand", "name", "description"),
    )

    name: str = Field(max_length=200)
    """The name, unique ignoring case."""
    description: str | None = Field(default=None, max_length=10_000)
    """A description."""
