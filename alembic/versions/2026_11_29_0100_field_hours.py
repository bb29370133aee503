"""The hours in which each field changed, with those of all change entries, whether they are sealed or not."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "4e9a1c70b6d2"
down_revision = "d41c7e6a90b3"
branch_labels = None
depends_on = None

TABLE = "audit_field_hour"
POSTGRESQL = """
INSERT INTO audit_field_hour (field, hour, entity, first_at, last_at)
SELECT field, date_trunc('hour', at, 'UTC'), entity, min(at), max(at)
FROM audit_change CROSS JOIN jsonb_object_keys(changes) AS field GROUP BY 1, 2, 3
"""
SQLITE = """
INSERT INTO audit_field_hour (field, hour, entity, first_at, last_at)
SELECT field.key, strftime('%Y-%m-%d %H:00:00.000000', at), entity, min(at), max(at)
FROM audit_change CROSS JOIN json_each(changes) AS field GROUP BY 1, 2, 3
"""
DROPPED = """
INSERT INTO audit_field_hour (field, hour, entity, first_at, last_at)
SELECT DISTINCT field, hour, entity, hour, hour + interval '1 hour' - interval '1 microsecond'
FROM audit_archive
JOIN audit_field ON day BETWEEN (first_at AT TIME ZONE 'UTC')::date AND (last_at AT TIME ZONE 'UTC')::date
CROSS JOIN generate_series(0, 23) AS number
CROSS JOIN LATERAL (SELECT (day + make_interval(hours => number)) AT TIME ZONE 'UTC' AS hour) AS hours
WHERE is_dropped AND audit_archive.id IN (SELECT max(id) FROM audit_archive WHERE log = 'changes' GROUP BY month)
ON CONFLICT (field, hour, entity) DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at
"""
"""Months that are in an archive only, and can come back: all hours of the days on which a field changed."""


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("field", "hour", "entity", name="pk_audit_field_hour"),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in (POSTGRESQL, DROPPED) if is_postgresql else (SQLITE,):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
