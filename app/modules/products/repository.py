"""Queries over products and stock movements."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.core.fields.money import show_amount
from app.modules.products.models import PRODUCT_TAGS, Product, StockMovement
from app.modules.products.schemas import MovementRead, ProductRead


class ProductRepository(Repository[Product]):
    """Products. A price is shown with the decimal places that it was stored with."""

    model = Product
    read = ProductRead
    sets = (PRODUCT_TAGS,)

    def columns(self) -> list[ColumnElement[Any]]:
        return [*super().columns(), self.table.c.price_places]

    def to_read(self, row: AnyRow) -> Any:
        item = super().to_read(row)
        item.price = show_amount(item.price, item.price_places)
        return item

    async def reload_for_read(self, rows: Sequence[Product]) -> Sequence[Any]:
        items = await super().reload_for_read(rows)
        for item, row in zip(items, rows, strict=True):
            item.price = show_amount(item.price, row.price_places)
        return items


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
