"""The order, the tree and the checkpoints of the sealed audit log."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import BIG_ID, Instant

revision = "c7d25e9f1b30"
down_revision = "d18b5c20e9f7"
branch_labels = None
depends_on = None

ADDED_TO = {"audit_run": None, "audit_checkpoint": 29, "audit_seal_key": None, "audit_cosignature": 29}
"""Tables that are only added to, and the days after which their rows can be removed."""


def upgrade() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.String(32), nullable=True),
        sa.Column("tree", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_snapshot", sa.String(), nullable=True),
        sa.Column("target_snapshot", sa.String(), nullable=True),
        sa.Column("target_id", sa.BigInteger(), nullable=True),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(8), nullable=True),
        sa.Column("checkpoint_at", Instant(), nullable=True),
        sa.Column("witnessed_size", sa.BigInteger(), nullable=False),
        sa.Column("accepted_size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_audit_seal"),
    )
    op.create_table(
        "audit_tile",
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "level", "number", name="pk_audit_tile"),
    )
    create_order_and_checkpoints()
    for table, days in ADDED_TO.items():
        op.make_append_only(table, removable_after_days=days)  # type: ignore[attr-defined]  # our own operation


def create_order_and_checkpoints() -> None:
    op.create_table(
        "audit_run",
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("log", "first_seq", name="pk_audit_run"),
        sa.UniqueConstraint("log", "first_id", name="uq_audit_run_log_first_id"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_checkpoint"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_checkpoint_at", "audit_checkpoint", ["at"])
    op.create_index("ix_audit_checkpoint_log_size_id", "audit_checkpoint", ["log", "size", "id"])
    op.create_table(
        "audit_seal_key",
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("log", "id", name="pk_audit_seal_key"),
    )
    op.create_table(
        "audit_cosignature",
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_id", "witness", name="pk_audit_cosignature"),
    )


def downgrade() -> None:
    for table in reversed(ADDED_TO):
        op.drop_append_only(table)  # type: ignore[attr-defined]  # our own operation
        op.drop_table(table)
    op.drop_table("audit_tile")
    op.drop_table("audit_seal")
