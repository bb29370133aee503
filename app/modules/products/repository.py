"""Queries over products and stock movements. A read is one statement, with the names of brand and category."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.core.db.targets import read_targets, target_of
from app.core.fields.money import round_to_currency
from app.modules.products.models import Product, StockMovement
from app.modules.products.schemas import MovementRead, ProductRead

REFERENCES = ("brand", "category")


class ProductRepository(Repository[Product]):
    """Products."""

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

    def to_read(self, row: AnyRow) -> Any:
        return as_product(dict(row._mapping))

    async def reload_for_read(self, rows: Sequence[Product]) -> Sequence[Any]:
        wanted = {f"{name}_id": {getattr(row, f"{name}_id") for row in rows} - {None} for name in REFERENCES}
        targets = await read_targets(self.writer, self.table, wanted)
        own = [name for name in self.read.model_fields if name not in REFERENCES]
        found = []
        for row in rows:
            values = {name: getattr(row, name) for name in own}
            for name in REFERENCES:
                target = targets.get((f"{name}_id", values[f"{name}_id"]))
                values |= {f"{name}_name": target and target.name, f"{name}_version": target and target.version}
            found.append(as_product(values))
        return found


def as_product(values: dict[str, Any]) -> SimpleNamespace:
    """A product with its references as objects, and its price with the decimal places of its currency."""
    values["price"] = round_to_currency(values["price"], values["currency"])
    versions = [values.pop(f"{name}_version") for name in REFERENCES]
    for name in REFERENCES:
        reference = {"id": values[f"{name}_id"], "name": values.pop(f"{name}_name")}
        values[name] = reference if reference["id"] else None
    embedded_versions = [version or 0 for version in versions] if any(versions) else []
    return SimpleNamespace(**values, embedded_versions=embedded_versions)


class MovementRepository(Repository[StockMovement]):
    """Stock movements."""

    model = StockMovement
    read = MovementRead

    def select_of_product(self) -> AnySelect:
        """A select of the movements of a visible product."""
        product = table_of(Product)
        visible = select(product.c.id).where(product.c.id == bindparam("product_id"), product.c.deleted_at.is_(None))
        return self.select().where(self.table.c.product_id.in_(visible))

    async def page_of(self, product_id: UUID, query: PageQuery) -> RowPage:
        """The movements of a product."""
        statement = self.build_once("of a product", self.select_of_product)
        return await self.fetch_page(statement, query, f"stock-movements/{product_id}", {"product_id": product_id})

    async def get_of(self, product_id: UUID, id: UUID) -> AnyRow:
        """One movement of a product. Raises NotFound."""
        one = self.build_once("one", lambda: self.select_of_product().where(self.table.c.id == bindparam("id")))
        row = await self.session.first(one, {"product_id": product_id, "id": id})
        if row is None:
            raise self.not_found(id)
        return row
