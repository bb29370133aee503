"""What clients send and receive of products."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.money import Amount, AmountRead, CurrencyCode, with_currency_places
from app.core.page import EntityQuery, PageQuery
from app.core.schema import Name, Named, Patch, Read, Schema, Text, example
from app.modules.products.models import ProductStatus

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
MAX_DELTA = 1_000_000
MAX_STOCK = 2_000_000_000


class ProductCreate(Schema):
    """`price` has at most the decimal places of its `currency`."""

    model_config = example(sku="LAMP-1", name="Desk lamp, brass", price="19.90", currency="EUR")

    sku: Sku
    name: Name
    description: Text | None = None
    price: Amount
    currency: CurrencyCode
    status: ProductStatus = ProductStatus.draft
    brand_id: UUID | None = None
    category_id: UUID | None = None


class ProductUpdate(Patch, ProductCreate):
    pass


class ProductRead(Read):
    sku: str
    name: str
    description: str | None
    price: AmountRead
    currency: str
    stock: int
    status: ProductStatus
    brand_id: UUID | None
    category_id: UUID | None
    brand: Named | None
    category: Named | None

    @model_validator(mode="after")
    def in_places_of_its_currency(self) -> Self:
        self.price = with_currency_places(self.price, self.currency)
        return self


class ProductQuery(EntityQuery):
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "updated_at", "sku", "name", "price", "stock")

    status: list[ProductStatus] = Field(default_factory=list, max_length=50)
    brand_id: UUID | None = None
    category_id: UUID | None = None
    price_gte: Amount | None = None
    price_lte: Amount | None = None


class MovementCreate(Schema):
    """`delta` is what came (positive) or went (negative)."""

    model_config = example(delta=12, reason="Delivered")

    delta: Annotated[int, Field(ge=-MAX_DELTA, le=MAX_DELTA)]
    reason: Name

    @model_validator(mode="after")
    def something_moves(self) -> Self:
        if self.delta == 0:
            raise ValueError("delta must not be 0")
        return self


class MovementRead(Read):
    product_id: UUID
    delta: int
    stock: int
    reason: str


class MovementQuery(PageQuery):
    pass
