"""Sessions say whether a browser opened them."""

import sqlalchemy as sa

from alembic import op

revision = "b71e4c28d0f6"
down_revision = "3fd7a9c05e82"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_session", sa.Column("is_browser", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_to_backstop("auth_session", "is_browser")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    op.drop_column("auth_session", "is_browser")
