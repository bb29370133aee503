"""Queries over products and stock movements."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.core.fields.money import round_to_currency
from app.modules.products.models import Product, StockMovement
from app.modules.products.schemas import MovementRead, ProductRead


class ProductRepository(Repository[Product]):
    """Products."""

    model = Product
    read = ProductRead

    def to_read(self, row: AnyRow) -> Any:
        return with_price(super().to_read(row))

    async def reload_for_read(self, rows: Sequence[Product]) -> Sequence[Any]:
        return [with_price(item) for item in await super().reload_for_read(rows)]


def with_price(item: Any) -> Any:
    """`item` with the decimal places of its currency."""
    item.price = round_to_currency(item.price, item.currency)
    return item


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
