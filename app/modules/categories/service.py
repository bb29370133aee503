"""Category rules: no category is below itself."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.db.uniqueness import SeenKeys
from app.core.errors import Conflict
from app.core.resources.schemas import Patch
from app.core.resources.service import Service
from app.modules.categories.models import Category
from app.modules.categories.repository import CategoryRepository


class CategoryCycle(Conflict):
    """The category would be below itself."""

    code = "category-cycle"


class CategoryService(Service[Category]):
    """Categories."""

    repository = CategoryRepository
    rows: CategoryRepository

    async def change(self, id: UUID, data: Patch, if_match: str | None = None) -> Category:
        """Change some fields of a category. Raises CategoryCycle, and what every update raises."""
        parent_id = data.changes().get("parent_id")
        if parent_id is not None:
            await self.rows.lock_tree()
            await self.check_parent(id, parent_id)
        return await super().change(id, data, if_match)

    async def check_changes(self, changes: Sequence[tuple[Category, dict[str, Any]]], seen: SeenKeys) -> None:
        for row, values in changes:
            if values.get("parent_id") is not None:
                await self.check_parent(row.id, values["parent_id"])
        await super().check_changes(changes, seen)

    async def check_parent(self, id: UUID, parent_id: UUID) -> None:
        """Raise CategoryCycle where the parent is the category itself, or below it."""
        if await self.rows.is_below(parent_id, id):
            raise CategoryCycle("A category cannot be below itself.")
