"""Prices are sorted and compared within their currency."""

from alembic import op

revision = "7d31c0e8b2a5"
down_revision = "7d30c2e91b54"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_product_currency_price_id", "product", ["currency", "price", "id"])
    op.drop_index("ix_product_price_id", "product")


def downgrade() -> None:
    op.create_index("ix_product_price_id", "product", ["price", "id"])
    op.drop_index("ix_product_currency_price_id", "product")
