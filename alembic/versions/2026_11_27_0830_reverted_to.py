"""Which entry a change reverted its item to, in the change log."""

import sqlalchemy as sa

from alembic import op

revision = "c81d5e0f27ab"
down_revision = "c7d25e9f1b30"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_change", sa.Column("reverted_to", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_change", "reverted_to")
