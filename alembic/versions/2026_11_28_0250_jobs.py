"""Jobs, and the queue of those that are not done."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, Instant

revision = "f1c5b9a021ac"
down_revision = "b71e4c28d0f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("once", sa.String(200), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", JSON_DOCUMENT, nullable=True),
        sa.Column("error", sa.String(80), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name="fk_job_api_key_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("once", name="uq_job_once"),
    )
    for name in ("created_at", "updated_at"):
        op.create_index(f"ix_job_{name}_id", "job", [name, "id"])
    for name in ("kind", "state", "created_by_id"):
        op.create_index(f"ix_job_{name}_created_at_id", "job", [name, "created_at", "id"])
    op.create_index("ix_job_ended_at", "job", ["ended_at"])
    op.create_table(
        "job_queue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.String(40), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("rank", Instant(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["job.id"], name="fk_job_queue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_job_queue"),
        sa.UniqueConstraint("lease", name="uq_job_queue_lease"),
    )
    op.create_index("ix_job_queue_queue_rank", "job_queue", ["queue", "rank"])
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "job",
        "id",
        "created_at",
        "updated_at",
        "version",
        "kind",
        "state",
        "once",
        "api_key_id",
        "request_id",
        "call_id",
        "run_at",
        "attempts",
        "result",
        "error",
        "ended_at",
        "-created_by_id",
        "-updated_by_id",
    )


def downgrade() -> None:
    op.drop_table("job_queue")
    op.drop_table("job")
