"""Product rules: a price has the decimal places of its currency, and stock is never negative."""

from decimal import Decimal
from typing import Any

from app.core.errors import Conflict, invalid
from app.core.fields.money import USUAL_PLACES, decimal_places_of, places_in
from app.core.resources.child_service import ChildService
from app.core.resources.schemas import Schema
from app.core.resources.service import Service
from app.modules.products.models import Product, StockMovement
from app.modules.products.repository import MovementRepository, ProductRepository
from app.modules.products.schemas import MAX_STOCK


class InsufficientStock(Conflict):
    """A movement would take more than is in stock."""

    code = "insufficient-stock"
    pointer = "/body/delta"
    remedy = "Take at most what is in stock: `errors` says how many there are."


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
            raise invalid("/body/currency", "This is no currency of ISO 4217, such as EUR.", "unknown-currency")
        if (price, currency) != (row.price, row.currency):
            check_price(price, currency, row.price_places)
        return changes


class StockService(ChildService[Product, StockMovement]):
    """Stock movements. Each locks its product, so that none is lost."""

    owners = ProductRepository
    repository = MovementRepository

    def build(self, owner: Product, data: Schema) -> StockMovement:
        """A movement, with the change of the stock. Raises InsufficientStock, Invalid."""
        values = data.model_dump()
        stock = owner.stock + values["delta"]
        if stock < 0:
            taken = -values["delta"]
            detail = f"There are {owner.stock} of it; {taken} cannot be taken."
            raise InsufficientStock(detail, params={"available": owner.stock, "requested": taken})
        if stock > MAX_STOCK:
            detail = f"There can be {MAX_STOCK} of a product at most."
            raise invalid("/body/delta", detail, "too-much-stock", available=owner.stock, most=MAX_STOCK)
        owner.stock = stock
        return StockMovement(product_id=owner.id, stock=stock, **values)


def check_price(price: Decimal, currency: str, known_places: int) -> None:
    """Raise Invalid for a price with more decimal places than its currency has, or had if it was withdrawn."""
    places = decimal_places_of(currency)
    if places_in(price) > (known_places if places is None else places):
        detail = f"{currency} has fewer decimal places than this."
        raise invalid("/body/price", detail, "too-many-decimals", currency=currency)
