"""The hours of each action of changes, beside those of each field; with those of all entries, sealed or not."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "b83d5f02c6e7"
down_revision = "7c20e5d9a4f1"
branch_labels = None
depends_on = None

OLD, NEW = "audit_field_hour", "audit_change_hour"
FIELDS = """
INSERT INTO audit_change_hour (parameter, value, hour, entity, first_at, last_at)
SELECT 'field', field, hour, entity, first_at, last_at FROM audit_field_hour
"""
POSTGRESQL = """
INSERT INTO audit_change_hour (parameter, value, hour, entity, first_at, last_at)
SELECT 'action', CASE WHEN action <> 'update' OR changes ->> 'deleted_at' IS NULL THEN action
                      WHEN changes #>> '{deleted_at,new}' IS NULL THEN 'restore' ELSE 'delete' END,
       date_trunc('hour', at, 'UTC'), entity, min(at), max(at)
FROM audit_change GROUP BY 1, 2, 3, 4
"""
SQLITE = """
INSERT INTO audit_change_hour (parameter, value, hour, entity, first_at, last_at)
SELECT 'action', CASE WHEN action <> 'update' OR json_extract(changes, '$.deleted_at') IS NULL THEN action
                      WHEN json_extract(changes, '$.deleted_at.new') IS NULL THEN 'restore' ELSE 'delete' END,
       strftime('%Y-%m-%d %H:00:00.000000', at), entity, min(at), max(at)
FROM audit_change GROUP BY 1, 2, 3, 4
"""
DROPPED = """
INSERT INTO audit_change_hour (parameter, value, hour, entity, first_at, last_at)
SELECT DISTINCT 'action', audit_day.action, hour, audit_day.entity, hour, hour + interval '1 hour' - interval '1 microsecond'
FROM audit_archive
JOIN audit_day ON day BETWEEN (first_at AT TIME ZONE 'UTC')::date AND (last_at AT TIME ZONE 'UTC')::date
CROSS JOIN generate_series(0, 23) AS number
CROSS JOIN LATERAL (SELECT (day + make_interval(hours => number)) AT TIME ZONE 'UTC' AS hour) AS hours
WHERE audit_day.log = 'changes' AND is_dropped
  AND audit_archive.id IN (SELECT max(id) FROM audit_archive WHERE log = 'changes' GROUP BY month)
ON CONFLICT (parameter, value, hour, entity) DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at
"""
"""Months that are in an archive only, and can come back: all hours of the days that have an action."""
BACK = """
INSERT INTO audit_field_hour (field, hour, entity, first_at, last_at)
SELECT value, hour, entity, first_at, last_at FROM audit_change_hour WHERE parameter = 'field'
"""


def rest() -> list[sa.Column[Any]]:
    """The columns of both tables after the first."""
    return [
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        NEW,
        sa.Column("parameter", sa.String(8), nullable=False),
        sa.Column("value", sa.String(64), nullable=False),
        *rest(),
        sa.PrimaryKeyConstraint("parameter", "value", "hour", "entity", name="pk_audit_change_hour"),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in (FIELDS, POSTGRESQL, DROPPED) if is_postgresql else (FIELDS, SQLITE):
        op.execute(statement)
    op.drop_table(OLD)


def downgrade() -> None:
    op.create_table(
        OLD,
        sa.Column("field", sa.String(64), nullable=False),
        *rest(),
        sa.PrimaryKeyConstraint("field", "hour", "entity", name="pk_audit_field_hour"),
    )
    op.execute(BACK)
    op.drop_table(NEW)
