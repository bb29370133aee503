"""Products, their tags and the movements of their stock."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db.amounts import places_column
from app.core.db.column_types import Money, enum_type
from app.core.db.entity import Entity, SoftDelete, filter_indexes, sort_indexes, unique_index
from app.core.db.field_rules import field_rule
from app.core.db.full_text import search_index
from app.core.db.links import LinkSet
from app.core.db.row_scopes import RefersToOwn, RowScope, RowScopes


class ProductStatus(StrEnum):
    """Whether a product is offered."""

    draft = "draft"
    active = "active"
    archived = "archived"


OF_OWN_BRANDS = RowScope(
    "brands", "Products of the brands that you created", references=(RefersToOwn("brand_id", "brand"),)
)


class Product(SoftDelete, Entity, table=True):
    """A product."""

    __tablename__ = "product"
    __table_args__ = (
        unique_index("product", "sku"),
        *sort_indexes("product", "created_at", "updated_at", "sku", "name", "stock"),
        Index("ix_product_currency_price_id", "currency", "price", "id"),
        *filter_indexes("product", "status", "brand_id", "category_id"),
        CheckConstraint("stock >= 0", name="stock"),
        search_index("product", "sku", "name", "description"),
    )

    restricted_references = frozenset({"brand_id", "category_id"})
    row_scopes = RowScopes("products", (OF_OWN_BRANDS,))

    sku: str = Field(max_length=64)
    """The stock keeping unit, unique ignoring case."""
    name: str = Field(max_length=200)
    """The name."""
    description: str | None = Field(default=None, max_length=10_000)
    """A description."""
    price: Decimal = Field(sa_type=Money, sa_column_kwargs=field_rule(write="set-price"))
    """The price, in the currency."""
    currency: str = Field(max_length=3, sa_column_kwargs=field_rule(write="set-price"))
    """The currency (ISO 4217)."""
    price_places: int = places_column("price", "currency")
    """The decimal places of the price, as it was stored."""
    stock: int = 0
    """The number in stock: the sum of the movements."""
    status: ProductStatus = Field(default=ProductStatus.draft, sa_type=enum_type(ProductStatus))
    """Whether the product is offered."""
    brand_id: UUID | None = Field(default=None, foreign_key="brand.id")
    """The brand."""
    category_id: UUID | None = Field(default=None, foreign_key="category.id")
    """The category."""


class ProductTag(Entity, table=True):
    """A tag of a product."""

    __tablename__ = "product_tag"
    __table_args__ = (UniqueConstraint("product_id", "tag_id"),)

    part_of = "product_id"
    links_to = "tag_id"

    product_id: UUID = Field(foreign_key="product.id")
    """The product."""
    tag_id: UUID = Field(foreign_key="tag.id", index=True)
    """The tag."""


PRODUCT_TAGS = LinkSet("tags", ProductTag)
"""The tags of a product."""


class StockMovement(Entity, table=True):
    """A change of the stock of a product. It is never changed afterwards."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        Index("ix_stock_movement_product_id_created_at_id", "product_id", "created_at", "id"),
        Index("ix_stock_movement_product_id_updated_at_id", "product_id", "updated_at", "id"),
    )

    part_of = "product_id"

    product_id: UUID = Field(foreign_key="product.id")
    """The product."""
    delta: int
    """The number that came (positive) or went (negative)."""
    stock: int
    """The number in stock after the movement."""
    reason: str = Field(max_length=200)
    """The reason of the movement."""
