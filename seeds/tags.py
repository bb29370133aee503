"""Demo tags."""

from app.core.db.session import Session
from app.modules.tags.models import Tag
from app.modules.tags.schemas import TagCreate
from app.modules.tags.service import TagService
from seeds import is_new

COLOURS = {"new": "#1976d2", "sale": "#d32f2f", "last pieces": "#f57c00", "handmade": "#388e3c", "refurbished": None}


async def seed(session: Session, _count: int) -> dict[str, str]:
    if await is_new(session, Tag):
        items = [TagCreate(name=name, colour=colour) for name, colour in COLOURS.items()]
        await TagService(session).create_many(items)
    return {}
