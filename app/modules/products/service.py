"""Product rules: a price has the decimal places of its currency, and stock is never negative."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import Conflict, invalid
from app.core.fields.money import USUAL_PLACES, decimal_places_of, places_in
from app.core.resources.schemas import Schema
from app.core.resources.service import Service, reload_one
from app.modules.products.models import Product, StockMovement
from app.modules.products.repository import MovementRepository, ProductRepository
from app.modules.products.schemas import MAX_STOCK, MovementCreate


class InsufficientStock(Conflict):
    """A movement would take more than is in stock."""

    code = "insufficient-stock"


class ProductService(Service[Product]):
    """Products."""

    repository = ProductRepository

    def build(self, data: Schema) -> Product:
        product = super().build(data)
        check_price(product.price, product.currency, USUAL_PLACES)
        return product

    def apply_rules(self, row: Product, changes: dict[str, Any]) -> dict[str, Any]:
        price, currency = changes.get("price", row.price), changes.get("currency", row.currency)
        if currency != row.currency and decimal_places_of(currency) is None:
            raise invalid("/body/currency", "This is no currency of ISO 4217.", "value-error")
        if (price, currency) != (row.price, row.currency):
            check_price(price, currency, row.price_places)
        return changes


class StockService:
    """Stock movements. Each locks its product, so that none is lost."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.products = ProductRepository(session)
        self.movements = MovementRepository(session)

    async def move(self, product_id: UUID, data: MovementCreate) -> StockMovement:
        """Record a movement and change the stock. Raises NotFound, InsufficientStock, Invalid."""
        product = await self.products.load(product_id)
        stock = product.stock + data.delta
        if stock < 0:
            raise InsufficientStock(f"There are {product.stock} of it; {-data.delta} cannot be taken.")
        if stock > MAX_STOCK:
            raise invalid("/body/delta", f"There can be {MAX_STOCK} of a product at most.", "too-much-stock")
        product.stock = stock
        movement = StockMovement(product_id=product_id, stock=stock, **data.model_dump())
        return await reload_one(self.movements, await self.movements.add(movement))

    async def page(self, product_id: UUID, query: PageQuery) -> RowPage:
        """The movements of a product. Raises NotFound."""
        page = await self.movements.page_of(product_id, query)
        if not page.items:
            await self.products.get(product_id)
        return page

    async def get(self, product_id: UUID, id: UUID) -> AnyRow:
        """One movement of a product. Raises NotFound."""
        return await self.movements.get_of(product_id, id)


def check_price(price: Decimal, currency: str, known_places: int) -> None:
    """Raise Invalid for a price with more decimal places than its currency has, or had if it was withdrawn."""
    places = decimal_places_of(currency)
    if places_in(price) > (known_places if places is None else places):
        raise invalid("/body/price", f"{currency} has fewer decimal places than this.", "too-many-decimals")
