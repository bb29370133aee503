"""The language of mails to a user."""

import sqlalchemy as sa

from alembic import op

revision = "b5c0e8f2a174"
down_revision = "5c1e93a7b2d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("language", sa.String(35), nullable=True))


def downgrade() -> None:
    op.drop_column("user", "language")
