"""Queries over categories."""

from uuid import UUID

from sqlalchemy import literal, select

from app.core.db.locks import lock_until_commit
from app.core.db.repository import Repository
from app.modules.categories.models import Category
from app.modules.categories.schemas import CategoryRead

TREE_LOCK = b"category"


class CategoryRepository(Repository[Category]):
    """Categories."""

    model = Category
    read = CategoryRead

    async def lock_tree(self) -> None:
        """Keep other transactions from moving a category until this one ends."""
        await lock_until_commit(self.writer, TREE_LOCK)

    async def is_below(self, id: UUID, ancestor: UUID) -> bool:
        """Whether `ancestor` is `id` itself or a category above it."""
        columns = self.table.c
        above = select(columns.id, columns.parent_id).where(columns.id == id).cte("above", recursive=True)
        above = above.union(select(columns.id, columns.parent_id).join(above, columns.id == above.c.parent_id))
        return await self.session.first(select(literal(1)).where(above.c.id == ancestor)) is not None
