"""A demo tree of categories."""

from app.core.db.session import Session
from app.modules.categories.models import Category
from app.modules.categories.schemas import CategoryCreate
from app.modules.categories.service import CategoryService
from seeds import is_new

TREE = {
    "Lighting": ("Desk lamps", "Floor lamps", "Pendant lamps"),
    "Kitchen": ("Kettles", "Pans", "Knives"),
    "Living room": ("Armchairs", "Side tables", "Rugs"),
    "Office": ("Desks", "Desk chairs", "Shelves"),
    "Garden": ("Benches", "Planters"),
}


async def seed(session: Session, _count: int) -> dict[str, str]:
    if not await is_new(session, Category):
        return {}
    categories = CategoryService(session)
    for top, below in TREE.items():
        parent = await categories.create(CategoryCreate(name=top))
        await categories.create_many([CategoryCreate(name=name, parent_id=parent.id) for name in below])
    return {}
