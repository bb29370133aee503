"""Webhooks, how far each has followed the events, and the attempts to deliver to it."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant

revision = "8f6c7d33377f"
down_revision = "8b26d4f0a97e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(length=2000), nullable=False),
        sa.Column("event_types", JSON_DOCUMENT, nullable=False),
        sa.Column("module", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=True),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("pause_reason", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("rolled_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index("ix_webhook_updated_at_id", ["updated_at", "id"], unique=False)
        batch_op.create_index(
            "ix_webhook_created_by_id_created_at_id", ["created_by_id", "created_at", "id"], unique=False
        )

    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("event_type", sqlmodel.sql.sqltypes.AutoString(length=100), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_attempt_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    with op.batch_alter_table("webhook_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_attempt_at"), ["at"], unique=False)
        batch_op.create_index("ix_webhook_attempt_webhook_id_at_id", ["webhook_id", "at", "id"], unique=False)
        batch_op.create_index("ix_webhook_attempt_webhook_id_event_id", ["webhook_id", "event_id"], unique=False)

    op.create_table(
        "webhook_cursor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("run_from", sa.BigInteger(), nullable=False),
        sa.Column("failed_from", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["webhook.id"], name=op.f("fk_webhook_cursor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_cursor")),
    )
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "webhook",
        "id",
        "created_at",
        "updated_at",
        "version",
        "name",
        "url",
        "event_types",
        "module",
        "item_id",
        "enabled",
        "paused_at",
        "pause_reason",
        "rolled_until",
        "-created_by_id",
        "-updated_by_id",
    )


def downgrade() -> None:
    op.drop_table("webhook_cursor")
    with op.batch_alter_table("webhook_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_attempt_webhook_id_event_id")
        batch_op.drop_index("ix_webhook_attempt_webhook_id_at_id")
        batch_op.drop_index(batch_op.f("ix_webhook_attempt_at"))

    op.drop_table("webhook_attempt")
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.drop_index("ix_webhook_created_by_id_created_at_id")
        batch_op.drop_index("ix_webhook_updated_at_id")
        batch_op.drop_index("ix_webhook_created_at_id")

    op.drop_table("webhook")
