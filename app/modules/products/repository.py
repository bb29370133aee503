"""Queries over products and stock movements."""

from app.core.db.amount_repository import AmountRepository
from app.core.db.parts import PartRepository
from app.modules.products.models import PRODUCT_TAGS, Product, StockMovement
from app.modules.products.schemas import MovementRead, ProductRead


class ProductRepository(AmountRepository[Product]):
    """Products."""

    model = Product
    read = ProductRead
    sets = (PRODUCT_TAGS,)


class MovementRepository(PartRepository[StockMovement]):
    """Stock movements."""

    model = StockMovement
    read = MovementRead
