"""Product rules: a price fits its currency, and stock is never less than nothing."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.errors import Conflict, invalid
from app.core.money import fits
from app.core.page import PageQuery, Window
from app.core.schema import Schema
from app.core.service import Service
from app.core.types import AnyRow
from app.modules.products.models import Product, StockMovement
from app.modules.products.repository import MovementRepository, ProductRepository
from app.modules.products.schemas import MAX_STOCK, MovementCreate


class InsufficientStock(Conflict):
    """More is taken than there is."""

    code = "insufficient-stock"


class ProductService(Service[Product]):
    repository = ProductRepository

    def new(self, data: Schema) -> Product:
        product = super().new(data)
        refuse_unfit(product.price, product.currency)
        return product

    def revised(self, row: Product, changes: dict[str, Any]) -> dict[str, Any]:
        if changes.keys() & {"price", "currency"}:
            refuse_unfit(changes.get("price", row.price), changes.get("currency", row.currency))
        return changes


class StockService:
    """The movements of a product's stock. Each takes the product's lock, so none is lost."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.products = ProductRepository(session)
        self.movements = MovementRepository(session)

    async def move(self, product_id: UUID, data: MovementCreate) -> StockMovement:
        """Raises InsufficientStock."""
        product = await self.products.load(product_id)
        stock = product.stock + data.delta
        if stock < 0:
            raise InsufficientStock(f"There are {product.stock} of it; {-data.delta} cannot be taken.")
        if stock > MAX_STOCK:
            raise invalid("/body/delta", f"There can be {MAX_STOCK} of a product at most.", "too-much-stock")
        product.stock = stock
        return await self.movements.add(StockMovement(product_id=product_id, stock=stock, **data.model_dump()))

    async def page(self, product_id: UUID, query: PageQuery) -> Window:
        """Raises NotFound for a product that is not there."""
        window = await self.movements.page_of(product_id, query)
        if not window.items:
            await self.products.get(product_id)
        return window

    async def get(self, product_id: UUID, id: UUID) -> AnyRow:
        return await self.movements.get_of(product_id, id)


def refuse_unfit(price: Decimal, currency: str) -> None:
    """Raise Invalid for a price with more decimal places than its currency has."""
    if not fits(price, currency):
        raise invalid("/body/price", f"{currency} has fewer decimal places than this.", "too-many-decimals")
