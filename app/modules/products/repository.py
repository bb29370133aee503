"""Queries over products and stock movements."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement

from app.core.db.parts import PartRepository
from app.core.db.repository import Repository
from app.core.db.session import AnyRow
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


class MovementRepository(PartRepository[StockMovement]):
    """Stock movements."""

    model = StockMovement
    read = MovementRead
