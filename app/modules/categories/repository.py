"""Category queries."""

from uuid import UUID

from sqlalchemy import func, literal, select

from app.core.repository import Repository
from app.modules.categories.models import Category
from app.modules.categories.schemas import CategoryRead

TREE_LOCK = int.from_bytes(b"category")


class CategoryRepository(Repository[Category]):
    model = Category
    read = CategoryRead

    async def lock_tree(self) -> None:
        """Until the transaction ends nobody else moves a category. SQLite has one writer anyhow."""
        if not self.session.is_sqlite:
            await self.session.value(select(func.pg_advisory_xact_lock(TREE_LOCK)))

    async def is_below(self, id: UUID, ancestor: UUID) -> bool:
        """Whether `ancestor` is `id` itself, or somewhere above it."""
        columns = self.table.c
        above = select(columns.id, columns.parent_id).where(columns.id == id).cte("above", recursive=True)
        above = above.union(select(columns.id, columns.parent_id).join(above, columns.id == above.c.parent_id))
        return await self.session.first(select(literal(1)).where(above.c.id == ancestor)) is not None
