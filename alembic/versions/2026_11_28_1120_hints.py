"""When a broker is to tell workers of a job."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "8b26d4f0a97e"
down_revision = "8a41d3c6e7b2"
branch_labels = None
depends_on = None
UNTOLD = sa.text("hint_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("job_queue", sa.Column("hint_at", Instant(), nullable=True))
    op.create_index("ix_job_queue_hint_at", "job_queue", ["hint_at"], postgresql_where=UNTOLD, sqlite_where=UNTOLD)


def downgrade() -> None:
    op.drop_index("ix_job_queue_hint_at", "job_queue")
    op.drop_column("job_queue", "hint_at")
