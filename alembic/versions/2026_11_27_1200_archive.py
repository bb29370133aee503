"""Which months of the logs were archived or restored."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import BIG_ID, JSON_DOCUMENT, Instant

revision = "e5a17c90d2b8"
down_revision = "e5a17c93b0d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_archive",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("is_dropped", sa.Boolean(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("manifest", JSON_DOCUMENT, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_archive"),
        sqlite_autoincrement=True,
    )
    op.make_append_only("audit_archive")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    op.drop_append_only("audit_archive")  # type: ignore[attr-defined]  # our own operation
    op.drop_table("audit_archive")
