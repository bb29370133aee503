"""Product rules: stock is never negative."""

from app.core.errors import Conflict, invalid
from app.core.resources.amounts import AmountService
from app.core.resources.child_service import ChildService
from app.core.resources.schemas import Schema
from app.modules.products.models import Product, StockMovement
from app.modules.products.repository import MovementRepository, ProductRepository
from app.modules.products.schemas import MAX_STOCK


class InsufficientStock(Conflict):
    """A movement would take more than is in stock."""

    code = "insufficient-stock"
    pointer = "/body/delta"
    remedy = "Take at most what is in stock: `errors` says how many there are."


class ProductService(AmountService[Product]):
    """Products."""

    repository = ProductRepository


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
