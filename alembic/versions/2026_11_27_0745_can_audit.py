"""A grant can permit to read what the audit log says about its module."""

import sqlalchemy as sa

from alembic import op

revision = "d18b5c20e9f7"
down_revision = "c7e4a91d5b36"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("role_module", sa.Column("can_audit", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("role_module", "can_audit")
