"""Demo products with tags and stock movements."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.db.session import AnyRow, Session
from app.modules.brands.models import Brand
from app.modules.categories.models import Category
from app.modules.products.models import Product, ProductStatus, ProductTag, StockMovement
from app.modules.tags.models import Tag
from seeds import is_new, seeded_random

AFTER = ("brands", "categories", "tags")
"""Its rows refer to theirs."""
STYLES = ("Alta", "Bodo", "Clara", "Dune", "Ember", "Flint", "Grove", "Haze", "Isola", "Juno")
MATERIALS = ("oak", "walnut", "steel", "linen", "brass", "cork", "glass", "wool")
ENDINGS = ("90", "95", "00", "50")
STATUSES = (ProductStatus.active, ProductStatus.draft, ProductStatus.archived)
REASONS = ("Sold", "Sold at the fair", "Damaged in transport", "Given to a customer")


async def seed(session: Session, count: int) -> dict[str, str]:
    if not await is_new(session, Product):
        return {}
    chance = seeded_random("products")
    brands = [row.id for row in await session.all(select(col(Brand.id)).order_by(col(Brand.name)))]
    leaves = select(col(Category.id), col(Category.name)).where(col(Category.parent_id).is_not(None))
    categories = list(await session.all(leaves.order_by(col(Category.name))))
    products = [
        build_product(number, chance, chance.choice(brands), chance.choice(categories))
        for number in range(1, count + 1)
    ]
    session.add_all(products)
    await session.flush()
    tags = [row.id for row in await session.all(select(col(Tag.id)).order_by(col(Tag.name)))]
    chance_of_tags = seeded_random("product tags")
    for product in products:
        session.add_all(movements(product, chance))
        chosen = chance_of_tags.sample(tags, chance_of_tags.choice((0, 0, 1, 2)))
        session.add_all(ProductTag(product_id=product.id, tag_id=tag) for tag in chosen)
    await session.flush()
    return {}


def build_product(number: int, chance: Random, brand_id: UUID, category: AnyRow) -> Product:
    kind = category.name.removesuffix("s").lower()
    return Product(
        sku=f"{category.name[:3].upper()}-{number:04}",
        name=f"{chance.choice(STYLES)} {kind}, {chance.choice(MATERIALS)}",
        description="Made to last; spare parts for ten years.",
        price=Decimal(f"{chance.randint(9, 900)}.{chance.choice(ENDINGS)}00"),
        currency="EUR",
        status=chance.choices(STATUSES, (8, 1, 1))[0],
        brand_id=brand_id,
        category_id=category.id,
    )


def movements(product: Product, chance: Random) -> Iterator[StockMovement]:
    """A delivery, and later removals. The stock of `product` becomes their sum."""
    changes = [(chance.randint(20, 200), "Delivered")]
    changes += [(-chance.randint(1, 6), chance.choice(REASONS)) for _ in range(chance.randint(0, 3))]
    for delta, reason in changes:
        product.stock += delta
        yield StockMovement(product_id=product.id, delta=delta, stock=product.stock, reason=reason)
