"""Schedules of jobs, and how far each is."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "5d0c7e91b3a4"
down_revision = "f1c5b9a021ac"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_schedule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_schedule"),
        sa.UniqueConstraint("name", name="uq_job_schedule_name"),
    )
    op.create_table(
        "job_schedule_tick",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=True),
        sa.Column("last_job_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["job_schedule.id"], name="fk_job_schedule_tick_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["last_job_id"], ["job.id"], name="fk_job_schedule_tick_last_job_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_job_schedule_tick"),
    )
    op.create_index("ix_job_schedule_tick_last_job_id", "job_schedule_tick", ["last_job_id"])
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "job_schedule",
        "id",
        "created_at",
        "updated_at",
        "version",
        "name",
        "kind",
        "rule",
        "enabled",
        "-created_by_id",
        "-updated_by_id",
    )


def downgrade() -> None:
    op.drop_table("job_schedule_tick")
    op.drop_table("job_schedule")
