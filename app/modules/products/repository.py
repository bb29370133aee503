"""Product queries: each read is one statement, the names of brand and category included."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.core.page import PageQuery, Window
from app.core.references import target_of
from app.core.repository import Repository, table_of
from app.core.types import AnyRow, AnySelect
from app.modules.products.models import Product, StockMovement
from app.modules.products.schemas import MovementRead, ProductRead

REFERENCES = ("brand", "category")


class ProductRepository(Repository[Product]):
    model = Product
    read = ProductRead

    def columns(self) -> list[ColumnElement[Any]]:
        own = [self.table.c[name] for name in self.read.model_fields if name not in REFERENCES]
        targets = {name: target_of(self.table.c[f"{name}_id"]).c for name in REFERENCES}
        names = [target.name.label(f"{name}_name") for name, target in targets.items()]
        return [*own, *names, *(target.version.label(f"{name}_version") for name, target in targets.items())]

    def select(self, *, deleted: bool = False) -> AnySelect:
        joined: Any = self.table
        for name in REFERENCES:
            foreign_key = self.table.c[f"{name}_id"]
            joined = joined.outerjoin(target_of(foreign_key), target_of(foreign_key).c.id == foreign_key)
        return super().select(deleted=deleted).select_from(joined)

    def shaped(self, row: AnyRow) -> Any:
        values = dict(row._mapping)
        versions = [values.pop(f"{name}_version") for name in REFERENCES]
        for name in REFERENCES:
            referred = {"id": values[f"{name}_id"], "name": values.pop(f"{name}_name")}
            values[name] = referred if referred["id"] else None
        shown_versions = [version or 0 for version in versions] if any(versions) else []
        return SimpleNamespace(**values, shown_versions=shown_versions)

    async def shown(self, rows: Sequence[Product]) -> Sequence[Any]:
        found = await self.session.all(self.select().where(self.table.c.id.in_([row.id for row in rows])))
        by_id = {row.id: self.shaped(row) for row in found}
        return [by_id[row.id] for row in rows]


class MovementRepository(Repository[StockMovement]):
    model = StockMovement
    read = MovementRead

    def of(self, product_id: UUID) -> AnySelect:
        """The movements of a product that is not hidden."""
        product = table_of(Product)
        visible = select(product.c.id).where(product.c.id == product_id, product.c.deleted_at.is_(None))
        return self.select().where(self.table.c.product_id.in_(visible))

    async def page_of(self, product_id: UUID, query: PageQuery) -> Window:
        return await self.window(self.of(product_id), query, f"stock-movements/{product_id}")

    async def get_of(self, product_id: UUID, id: UUID) -> AnyRow:
        """Raises NotFound."""
        row = await self.session.first(self.of(product_id).where(self.table.c.id == id))
        if row is None:
            raise self.missing(id)
        return row
