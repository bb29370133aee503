"""Changes that wait for approval."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant

revision = "c4e8a1f7d263"
down_revision = "5c08e1d7a2f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("needs", JSON_DOCUMENT, nullable=False),
        sa.Column("effects", JSON_DOCUMENT, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("problem", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["requester_id"], ["user.id"], name="fk_approval_requester_id"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name="fk_approval_decided_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    op.create_index("ix_approval_created_at_id", "approval", ["created_at", "id"])
    op.create_index("ix_approval_expires_at", "approval", ["expires_at"])
    op.create_index("ix_approval_requester_id_created_at_id", "approval", ["requester_id", "created_at", "id"])
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "approval",
        "id",
        "created_at",
        "updated_at",
        "version",
        "requester_id",
        "method",
        "path",
        "reason",
        "needs",
        "effects",
        "policy_version",
        "state",
        "expires_at",
        "decided_by_id",
        "decided_at",
        "problem",
        "-created_by_id",
        "-updated_by_id",
    )


def downgrade() -> None:
    op.drop_table("approval")
