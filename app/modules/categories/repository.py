"""Queries over categories."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import literal, select

from app.core.db.locks import lock_until_commit
from app.core.db.repository import Repository
from app.core.db.uniqueness import SeenKeys
from app.core.errors import Conflict
from app.modules.categories.models import Category
from app.modules.categories.schemas import CategoryRead

TREE_LOCK = b"category"


class CategoryCycle(Conflict):
    """The category would be below itself."""

    code = "category-cycle"
    pointer = "/body/parent_id"
    remedy = "Choose a parent that is neither the category itself nor below it."


class CategoryRepository(Repository[Category]):
    """Categories."""

    model = Category
    read = CategoryRead

    async def lock_tree(self) -> None:
        """Keep other transactions from moving a category until this one ends."""
        await lock_until_commit(self.writer, TREE_LOCK)

    async def lock_all(self, ids: Sequence[UUID]) -> None:
        """The tree before the rows, as the change of one row locks them: some of these may move."""
        if ids:
            await self.lock_tree()
        await super().lock_all(ids)

    async def check_all(self, rows: Sequence[Category], seen: SeenKeys, before: Sequence[Category] = ()) -> None:
        for row, stored in zip(rows, before, strict=False):
            if row.parent_id is not None and row.parent_id != stored.parent_id:
                await self.check_parent(row.id, row.parent_id)
        await super().check_all(rows, seen, before)

    async def check_parent(self, id: UUID, parent_id: UUID) -> None:
        """Raise CategoryCycle where the parent is the category itself, or below it."""
        if await self.is_below(parent_id, id):
            raise CategoryCycle("A category cannot be below itself.")

    async def is_below(self, id: UUID, ancestor: UUID) -> bool:
        """Whether `ancestor` is `id` itself or a category above it."""
        columns = self.table.c
        above = select(columns.id, columns.parent_id).where(columns.id == id).cte("above", recursive=True)
        above = above.union(select(columns.id, columns.parent_id).join(above, columns.id == above.c.parent_id))
        return await self.session.first(select(literal(1)).where(above.c.id == ancestor)) is not None
