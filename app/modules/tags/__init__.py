"""Labels of products."""

from app.modules.tags.service import TagService

__all__ = ["TagService"]
