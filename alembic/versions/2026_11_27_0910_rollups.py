"""Roll-ups of the audit log, with what the logs have: all access entries, and the changes that are sealed."""

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "5f3b9a72c4d1"
down_revision = "d92f6e31a08b"
branch_labels = None
depends_on = None

POSTGRESQL = {
    "day": "(at AT TIME ZONE 'UTC')::date",
    "hour": "date_trunc('hour', at, 'UTC')",
    "no_id": "'00000000-0000-0000-0000-000000000000'::uuid",
    "fields": "jsonb_object_keys(changes) AS field",
    "field": "field",
    "hides": "changes ->> 'deleted_at' IS NOT NULL",
    "hidden": "changes #>> '{deleted_at,new}' IS NOT NULL",
}
SQLITE = {
    "day": "date(at)",
    "hour": "strftime('%Y-%m-%d %H:00:00.000000', at)",
    "no_id": "'00000000000000000000000000000000'",
    "fields": "json_each(changes) AS field",
    "field": "field.key",
    "hides": "json_extract(changes, '$.deleted_at') IS NOT NULL",
    "hidden": "json_extract(changes, '$.deleted_at.new') IS NOT NULL",
}
METHOD = "CASE WHEN method IN ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS') THEN method ELSE 'other' END"
SEALED = (
    "audit_run JOIN audit_change ON audit_change.id >= first_id AND audit_change.id < first_id + length"
    " AND audit_run.log = 'changes'"
)
ACCESS_DAYS = """
INSERT INTO audit_day (log, day, actor_id, owner_id, actor_kind, module, route, method, status_class, error_code,
                       entity, action, entries, bytes_out)
SELECT 'access', {day}, coalesce(actor_id, {no_id}), coalesce(owner_id, {no_id}), actor_kind,
       coalesce(module, ''), coalesce(route, ''), {method}, status / 100, coalesce(error_code, ''),
       '', '', count(*), sum(bytes_out)
FROM audit_access GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
ACCESS_HOURS = """
INSERT INTO audit_hour (hour, module, route, method, status_class, entries, bytes_out, duration_us, longest_us)
SELECT {hour}, coalesce(module, ''), coalesce(route, ''), {method}, status / 100,
       count(*), sum(bytes_out), sum(duration_us), max(duration_us)
FROM audit_access GROUP BY 1, 2, 3, 4, 5
"""
CHANGE_DAYS = """
INSERT INTO audit_day (log, day, actor_id, owner_id, actor_kind, module, route, method, status_class, error_code,
                       entity, action, entries, bytes_out)
SELECT 'changes', {day}, coalesce(actor_id, {no_id}), coalesce(owner_id, {no_id}), actor_kind,
       '', '', '', 0, '', entity,
       CASE WHEN action <> 'update' OR NOT {hides} THEN action WHEN {hidden} THEN 'delete' ELSE 'restore' END,
       count(*), 0
FROM {sealed} GROUP BY 1, 2, 3, 4, 5, 11, 12
"""
CHANGED_FIELDS = """
INSERT INTO audit_field (entity, field, day, entries)
SELECT entity, {field}, {day}, count(*) FROM {sealed} CROSS JOIN {fields} GROUP BY 1, 2, 3
"""
FILL = (ACCESS_DAYS, ACCESS_HOURS, CHANGE_DAYS, CHANGED_FIELDS)


def upgrade() -> None:
    op.create_table(
        "audit_day",
        sa.Column("log", sa.String(8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("route", sa.String(400), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("status_class", sa.SmallInteger(), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=False),
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "log",
            "day",
            "actor_id",
            "owner_id",
            "actor_kind",
            "module",
            "route",
            "method",
            "status_class",
            "error_code",
            "entity",
            "action",
            name="pk_audit_day",
        ),
    )
    create_smaller()
    dialect = POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE
    for statement in FILL:
        op.execute(statement.format(**dialect, method=METHOD, sealed=SEALED))
    op.create_index("ix_audit_day_actor_id_day", "audit_day", ["actor_id", "day"])


def create_smaller() -> None:
    op.create_table(
        "audit_hour",
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("module", sa.String(64), nullable=False),
        sa.Column("route", sa.String(400), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("status_class", sa.SmallInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("longest_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "module", "route", "method", "status_class", name="pk_audit_hour"),
    )
    op.create_table(
        "audit_field",
        sa.Column("entity", sa.String(64), nullable=False),
        sa.Column("field", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "field", "day", name="pk_audit_field"),
    )


def downgrade() -> None:
    for table in ("audit_field", "audit_hour", "audit_day"):
        op.drop_table(table)
