"""Brands are found by who created them."""

from alembic import op

revision = "8b3f60d2c91e"
down_revision = "c4e8a1f7d263"
branch_labels = None
depends_on = None

INDEX = "ix_brand_created_by_id_created_at_id"


def upgrade() -> None:
    op.create_index(INDEX, "brand", ["created_by_id", "created_at", "id"])


def downgrade() -> None:
    op.drop_index(INDEX, "brand")
