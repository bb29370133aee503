"""The decimal places that each price was stored with."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Money
from app.core.db.derived import derive_from, fill_derived
from app.core.fields.money import USUAL_PLACES, places_to_store

revision = "c3e9b15d7f02"
down_revision = "8d41f0c6b7a2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("price_places", sa.SmallInteger(), server_default="2", nullable=False))
    fill_derived(op.get_bind(), product())
    op.add_to_backstop("product", "-price_places")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    op.drop_column("product", "price_places")


def product() -> sa.Table:
    """Products, whose prices have the places of the present table of currencies."""
    price: sa.Column[Any] = sa.Column("price", Money())
    info = derive_from(lambda row: places_to_store(row["price"], row["currency"], USUAL_PLACES), ("price", "currency"))
    places = sa.Column("price_places", sa.SmallInteger(), info=info)
    return sa.Table(
        "product", sa.MetaData(), sa.Column("id", sa.Uuid()), price, sa.Column("currency", sa.String(3)), places
    )
