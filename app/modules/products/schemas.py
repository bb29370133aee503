"""Request and response schemas of products."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.db.links import LinkSet
from app.core.db.pagination import EntityQuery, FieldsQuery, PageQuery
from app.core.fields.money import Amount, AmountRead, CurrencyCode, CurrencyLetters
from app.core.fields.read_only import ReadOnly
from app.core.fields.text import Name, Text
from app.core.resources.members import MemberIds
from app.core.resources.schemas import ItemRead, Named, Patch, Read, Schema, example
from app.core.sentences import refusal
from app.modules.products.models import PRODUCT_TAGS, Product, ProductStatus, StockMovement

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
MAX_DELTA = 1_000_000
MAX_STOCK = 2_000_000_000


class ProductCreate(Schema):
    """A new product. Its price has at most the decimal places of its currency."""

    model_config = example(sku="LAMP-1", name="Desk lamp, brass", price="19.90", currency="EUR")

    sku: Sku
    """The stock keeping unit, unique ignoring case."""
    name: Name
    """The name."""
    description: Text | None = None
    """A description."""
    price: Amount
    """The price, in the currency."""
    currency: CurrencyCode
    """The currency (ISO 4217)."""
    status: ProductStatus = ProductStatus.draft
    """Whether the product is offered."""
    brand_id: UUID | None = None
    """The brand."""
    category_id: UUID | None = None
    """The category."""
    tag_ids: MemberIds = Field([])
    """All tags, by their ids. It needs the permission to read tags."""


class ProductUpdate(Patch, ProductCreate):
    """A change of a product. It may repeat a currency that was withdrawn."""

    currency: CurrencyLetters
    """The currency (ISO 4217)."""


class ProductRead(ItemRead):
    """A product, with the names of its brand, its category and its tags."""

    sku: str
    """The stock keeping unit, unique ignoring case."""
    name: str
    """The name."""
    description: str | None
    """A description."""
    price: AmountRead
    """The price, in the currency."""
    currency: str
    """The currency (ISO 4217)."""
    stock: Annotated[int, ReadOnly("POST /products/{id}/stock-movements")]
    """The number in stock: the sum of the movements."""
    status: ProductStatus
    """Whether the product is offered."""
    brand_id: UUID | None
    """The brand."""
    category_id: UUID | None
    """The category."""
    brand: Named | None
    """The brand, with its name."""
    category: Named | None
    """The category, with its name."""
    tags: Annotated[list[Named], ReadOnly("tag_ids")]
    """The tags, in the order of their names."""


class ProductQuery(EntityQuery):
    """The parameters of a list of products."""

    lists: ClassVar = Product
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "sku", "name", "price", "stock", "status")
    filterable: ClassVar[tuple[str, ...]] = (
        "sku",
        "price",
        "currency",
        "stock",
        "status",
        "brand_id",
        "category_id",
    )
    trees: ClassVar[tuple[str, ...]] = ("category_id",)
    sets: ClassVar[tuple[LinkSet, ...]] = (PRODUCT_TAGS,)
    named: ClassVar[tuple[str, ...]] = ("brand_id", "tag_id")
    value_types: ClassVar[Mapping[str, Any]] = {"currency": CurrencyCode}
    currencies: ClassVar[Mapping[str, str]] = {"price": "currency"}
    measures: ClassVar[tuple[str, ...]] = ("price", "stock")


class MovementCreate(Schema):
    """A new stock movement."""

    model_config = example(delta=12, reason="Delivered")

    delta: Annotated[int, Field(ge=-MAX_DELTA, le=MAX_DELTA)]
    """The number that came (positive) or went (negative)."""
    reason: Name
    """The reason of the movement."""

    @model_validator(mode="after")
    def moves_something(self) -> Self:
        if self.delta == 0:
            raise refusal("moves-nothing", "A movement of 0 moves nothing.")
        return self


class MovementRead(Read):
    """A stock movement."""

    product_id: UUID
    """The product."""
    delta: int
    """The number that came (positive) or went (negative)."""
    stock: int
    """The number in stock after the movement."""
    reason: str
    """The reason of the movement."""


class MovementQuery(FieldsQuery, PageQuery):
    """The parameters of a list of stock movements."""

    lists: ClassVar = StockMovement
