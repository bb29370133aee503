"""How far events are published to a broker."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import Instant

revision = "5c1e93a7b2d4"
down_revision = "8f6c7d33377f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_cursor",
        sa.Column("destination", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("destination", name=op.f("pk_event_cursor")),
    )


def downgrade() -> None:
    op.drop_table("event_cursor")
