"""Tag rules."""

from app.core.resources.service import Service
from app.modules.tags.models import Tag
from app.modules.tags.repository import TagRepository


class TagService(Service[Tag]):
    """Tags."""

    repository = TagRepository
