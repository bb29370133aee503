"""The ledger of erasures, and legal holds."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "e5a17c93b0d4"
down_revision = "b3f0a6d47e19"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(200), nullable=True),
        sa.Column("caller_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("callers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_erasure"),
        sa.UniqueConstraint("entity_id", "entity", name="uq_audit_erasure_entity_id_entity"),
    )
    op.create_index("ix_audit_erasure_at_id", "audit_erasure", ["at", "id"])
    op.make_append_only("audit_erasure")  # type: ignore[attr-defined]  # our own operation
    op.create_table(
        "audit_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_hold"),
        sa.UniqueConstraint("entity_id", "entity", name="uq_audit_hold_entity_id_entity"),
    )


def downgrade() -> None:
    op.drop_table("audit_hold")
    op.drop_append_only("audit_erasure")  # type: ignore[attr-defined]  # our own operation
    op.drop_table("audit_erasure")
