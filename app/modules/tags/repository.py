"""Queries over tags."""

from app.core.db.repository import Repository
from app.modules.tags.models import Tag
from app.modules.tags.schemas import TagRead


class TagRepository(Repository[Tag]):
    """Tags."""

    model = Tag
    read = TagRead
