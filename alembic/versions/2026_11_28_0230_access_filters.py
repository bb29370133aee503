"""Requests are found by their session, and those that no rule admitted at once."""

import sqlalchemy as sa

from alembic import op

revision = "3fd7a9c05e82"
down_revision = "8b3f60d2c91e"
branch_labels = None
depends_on = None

TABLE = "audit_access"
INDEXES = {
    "ix_audit_access_refusals": (["at", "id"], "decision IS NULL"),
    "ix_audit_access_session_id_at_id": (["session_id", "at", "id"], "session_id IS NOT NULL"),
}


def upgrade() -> None:
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, TABLE, columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, TABLE)
