"""One-time addresses of lists as files."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "7c4d1a90e3b5"
down_revision = "c3e9b15d7f02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "download",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_download")),
    )
    op.create_index(op.f("ix_download_expires_at"), "download", ["expires_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_download_expires_at"), "download")
    op.drop_table("download")
