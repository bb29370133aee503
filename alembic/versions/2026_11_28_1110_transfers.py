"""Files of imports and exports by jobs."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant

revision = "8a41d3c6e7b2"
down_revision = "d83b60c5e217"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("is_import", sa.Boolean(), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("position", JSON_DOCUMENT, nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["job.id"], name="fk_transfer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_transfer"),
    )
    op.create_index("ix_transfer_expires_at", "transfer", ["expires_at"])
    op.create_table(
        "transfer_part",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfer.id"], name="fk_transfer_part_transfer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("transfer_id", "number", name="pk_transfer_part"),
    )


def downgrade() -> None:
    op.drop_table("transfer_part")
    op.drop_table("transfer")
