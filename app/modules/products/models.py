"""Products and the movements of their stock."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from app.core.model import Entity, SoftDelete, unique_index
from app.core.money import Money
from app.core.search import search_index
from app.core.types import choice


class ProductStatus(StrEnum):
    draft = "draft"
    active = "active"
    archived = "archived"


class Product(SoftDelete, Entity, table=True):
    __tablename__ = "product"
    __table_args__ = (
        unique_index("product", "sku"),
        Index("ix_product_created_at_id", "created_at", "id"),
        Index("ix_product_status", "status"),
        Index("ix_product_price_id", "price", "id"),
        CheckConstraint("stock >= 0", name="stock"),
        search_index("product", "sku", "name", "description"),
    )

    holds = frozenset({"brand_id", "category_id"})

    sku: str = Field(max_length=64)
    name: str = Field(max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    price: Decimal = Field(sa_type=Money)
    currency: str = Field(max_length=3)
    stock: int = 0
    """The sum of the movements."""
    status: ProductStatus = Field(default=ProductStatus.draft, sa_type=choice(ProductStatus))
    brand_id: UUID | None = Field(default=None, foreign_key="brand.id", index=True)
    category_id: UUID | None = Field(default=None, foreign_key="category.id", index=True)


class StockMovement(Entity, table=True):
    """Some of a product came or went; never changed afterwards."""

    __tablename__ = "stock_movement"
    __table_args__ = (Index("ix_stock_movement_product_id_created_at_id", "product_id", "created_at", "id"),)

    product_id: UUID = Field(foreign_key="product.id")
    delta: int
    stock: int
    """How much there was afterwards."""
    reason: str = Field(max_length=200)
