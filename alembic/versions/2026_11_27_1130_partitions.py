"""Both logs are partitioned by the month in which entries were stored. SQLite has no partitions."""

from datetime import date, timedelta

import sqlalchemy as sa

from alembic import op

revision = "b3f0a6d47e19"
down_revision = "5f3b9a72c4d1"
branch_labels = None
depends_on = None

LOGS = ("audit_access", "audit_change")
MONTHS_AHEAD = 3

GUARD = """
CREATE FUNCTION attest_guard_partition(parent text, partition text) RETURNS void
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION %I()',
                 parent || '_append_only', partition, parent || '_append_only');
END $$
"""
"""A statement that names a partition passes by the statement triggers of its parent."""

ADD = """
CREATE FUNCTION attest_add_partition(parent text, partition text, bounds text) RETURNS void
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS INCLUDING STATISTICS INCLUDING STORAGE)',
                 partition, parent);
  PERFORM attest_guard_partition(parent, partition);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', parent, partition, bounds);
END $$
"""
"""Attaching a table lets others insert meanwhile; creating it as a partition would lock them out."""

MAKE_ONE = """
CREATE FUNCTION attest_make_partition(parent text, month timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = {schema}, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  partition text := parent || '_' || to_char(month, 'YYYY_MM');
  other text := parent || '_default';
  bounds text := format('FOR VALUES FROM (%L) TO (%L)', month, month + interval '1 month');
BEGIN
  IF to_regclass(quote_ident(partition)) IS NOT NULL THEN RETURN false; END IF;
  BEGIN
    PERFORM attest_add_partition(parent, partition, bounds);
    RETURN true;
  EXCEPTION
    WHEN invalid_object_definition THEN RETURN false;  -- another partition has this month
    WHEN check_violation THEN NULL;  -- the default partition has entries of this month
  END;
  BEGIN
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, other);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', other, partition);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', parent, partition, bounds);
    PERFORM attest_add_partition(parent, other, 'DEFAULT');
    RETURN true;
  EXCEPTION WHEN check_violation THEN  -- and of others: it keeps them
    RAISE WARNING '% has entries of several months', other;
    RETURN false;
  END;
END $$
"""
"""Entries of a month without a partition are in the default partition, which then becomes that of the month."""

MAKE = """
CREATE FUNCTION attest_make_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  made integer := 0;
  parent text;
  month timestamptz;
BEGIN
  FOREACH parent IN ARRAY ARRAY['audit_access', 'audit_change'] LOOP
    FOR month IN SELECT date_trunc('month', now()) + n * interval '1 month'
                 FROM generate_series(0, greatest(0, least(months, 24))) AS n LOOP
      IF attest_make_partition(parent, month) THEN made := made + 1; END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END $$
"""
"""It runs with the rights of its owner, so that a role that owns nothing makes partitions, and can do nothing else."""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    for function in (GUARD, ADD, MAKE_ONE, MAKE):
        op.execute(function.format(schema=schema))
    for table in LOGS:
        partition_table(table)
    op.execute(f"SELECT attest_make_partitions({MONTHS_AHEAD})")


def partition_table(table: str) -> None:
    """Make the table the first partition of a new one, with its indexes, and without copying its rows."""
    end = find_end(table)
    first = f"{table}_{end - timedelta(days=1):%Y_%m}"
    indexes, statistics = find_definitions(table)
    op.execute(f"DROP FUNCTION {table}_append_only() CASCADE")
    op.execute(f"ALTER TABLE {table} RENAME TO {first}")
    for name in indexes:
        op.execute(f"ALTER INDEX {name} RENAME TO {name.replace(table, first)}")
    for name in statistics:
        op.execute(f"ALTER STATISTICS {name} RENAME TO {name.replace(table, first)}")
    op.execute(f"ALTER TABLE {first} DROP CONSTRAINT pk_{table}, ADD CONSTRAINT pk_{first} PRIMARY KEY (id, stored_at)")
    op.execute(f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE (stored_at)")
    op.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
    op.execute(f"ALTER TABLE {first} ALTER COLUMN id DROP DEFAULT")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (id, stored_at)")
    for definition in (*indexes.values(), *statistics.values()):
        op.execute(definition)
    make_triggers(table)
    op.execute(f"SELECT attest_guard_partition('{table}', '{first}')")
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ('{end} 00:00:00+00')")
    op.execute(f"SELECT attest_add_partition('{table}', '{table}_default', 'DEFAULT')")


def find_end(table: str) -> date:
    """The first day of the month behind everything that is stored, and behind this month."""
    newest = f"(SELECT coalesce(max(stored_at), now()) FROM {table})"  # nosec B608  # a name of ours
    month = f"date_trunc('month', greatest(now(), {newest}) AT TIME ZONE 'UTC')"
    end: date = op.get_bind().scalar(sa.text(f"SELECT ({month} + interval '1 month')::date"))  # nosec B608
    return end


def find_definitions(table: str) -> tuple[dict[str, str], dict[str, str]]:
    """The statements that made the indexes of a table, but for its primary key, and its extended statistics."""
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table AND indexname <> 'pk_' || :table"
    statistics = (
        "SELECT stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = to_regclass(:table)"
    )
    first, second = (
        {row[0]: row[1] for row in op.get_bind().execute(sa.text(sql), {"table": table})}
        for sql in (indexes, statistics)
    )
    return first, second


def make_triggers(table: str) -> None:
    """Refuse what is not an insert: statements that name the table, and rows of every partition."""
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} can only be added to'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
    op.execute(f"SELECT attest_guard_partition('{table}', '{table}')")


def downgrade() -> None:
    """Copy the rows into one table: refused nowhere, and slow for a log that is long."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in LOGS:
        indexes, statistics = find_definitions(table)
        old = f"{table}_partitioned"
        op.execute(f"DROP FUNCTION {table}_append_only() CASCADE")
        op.execute(f"ALTER TABLE {table} RENAME TO {old}")
        op.execute(f"CREATE TABLE {table} (LIKE {old} INCLUDING DEFAULTS)")
        op.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
        op.execute(f"INSERT INTO {table} SELECT * FROM {old}")  # nosec B608  # names of ours
        op.execute(f"DROP TABLE {old}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (id)")
        for definition in (*indexes.values(), *statistics.values()):
            op.execute(definition.replace("ON ONLY ", "ON "))
        op.make_append_only(table)  # type: ignore[attr-defined]  # our own operation
    for function in ("attest_make_partitions(integer)", "attest_make_partition(text, timestamptz)"):
        op.execute(f"DROP FUNCTION {function}")
    for function in ("attest_add_partition(text, text, text)", "attest_guard_partition(text, text)"):
        op.execute(f"DROP FUNCTION {function}")
