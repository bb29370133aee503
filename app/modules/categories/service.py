"""Category rules: no category is below itself."""

from uuid import UUID

from app.core.resources.schemas import Patch
from app.core.resources.service import Service
from app.modules.categories.models import Category
from app.modules.categories.repository import CategoryRepository


class CategoryService(Service[Category]):
    """Categories."""

    repository = CategoryRepository
    rows: CategoryRepository

    async def change(self, id: UUID, data: Patch, if_match: str | None = None) -> Category:
        """Change some fields of a category. Raises CategoryCycle, and what every update raises."""
        parent_id = data.changes().get("parent_id")
        if parent_id is not None:
            await self.rows.lock_tree()
            await self.rows.check_parent(id, parent_id)
        return await super().change(id, data, if_match)
