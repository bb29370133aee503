"""Category rules: a tree stays a tree."""

from uuid import UUID

from app.core.errors import Conflict
from app.core.schema import Patch
from app.core.service import Service
from app.modules.categories.models import Category
from app.modules.categories.repository import CategoryRepository


class Cycle(Conflict):
    """A category would be above itself."""

    code = "category-cycle"


class CategoryService(Service[Category]):
    repository = CategoryRepository
    rows: CategoryRepository

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> Category:
        parent_id = data.changes().get("parent_id")
        if parent_id is not None:
            await self.rows.lock_tree()
            if await self.rows.is_below(parent_id, id):
                raise Cycle("A category cannot be below itself.")
        return await super().update(id, data, if_match)
