"""Requests are found by their route."""

import sqlalchemy as sa

from alembic import op

revision = "d41c7e6a90b3"
down_revision = "b5c0e8f2a174"
branch_labels = None
depends_on = None

TABLE, NAME = "audit_access", "ix_audit_access_route_at_id"


def upgrade() -> None:
    where = sa.text("route IS NOT NULL")
    op.create_index(NAME, TABLE, ["route", "at", "id"], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
