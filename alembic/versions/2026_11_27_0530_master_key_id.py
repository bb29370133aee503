"""The master key that wrapped the key of a person. Existing rows do not say, and any configured key may open them."""

import sqlalchemy as sa

from alembic import op

revision = "a6d1f83b205e"
down_revision = "a94e0b7d3c18"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_subject_key", sa.Column("master_key_id", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_subject_key", "master_key_id")
