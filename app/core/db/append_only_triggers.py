"""The migration operations `make_append_only` and `drop_append_only`: triggers that keep a table as it was written."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations


@Operations.register_operation("make_append_only")
class MakeAppendOnly(MigrateOperation):
    """`op.make_append_only("login_attempt", removable_after_days=29)`.

    The database then refuses UPDATE, DELETE and TRUNCATE to every program. With a number of days, rows that are older
    (by `at`) can be deleted.
    """

    def __init__(self, table: str, removable_after_days: int | None = None) -> None:
        self.table = table
        self.days = removable_after_days

    @classmethod
    def make_append_only(cls, operations: Operations, table: str, removable_after_days: int | None = None) -> Any:
        return operations.invoke(cls(table, removable_after_days))


@Operations.register_operation("drop_append_only")
class DropAppendOnly(MigrateOperation):
    """`op.drop_append_only("login_attempt")`: the inverse, for a downgrade."""

    def __init__(self, table: str) -> None:
        self.table = table

    @classmethod
    def drop_append_only(cls, operations: Operations, table: str) -> Any:
        return operations.invoke(cls(table))


@Operations.implementation_for(MakeAppendOnly)
def make_append_only(operations: Operations, operation: MakeAppendOnly) -> None:
    is_sqlite = operations.get_bind().dialect.name == "sqlite"
    for statement in (triggers_of_sqlite if is_sqlite else triggers_of_postgresql)(operation.table, operation.days):
        operations.execute(statement)


@Operations.implementation_for(DropAppendOnly)
def drop_append_only(operations: Operations, operation: DropAppendOnly) -> None:
    table = operation.table
    if operations.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            operations.execute(f"DROP TRIGGER {table}_no_{verb}")
    else:
        operations.execute(f"DROP FUNCTION {table}_append_only() CASCADE")


def triggers_of_sqlite(table: str, days: int | None) -> list[str]:
    """A trigger for each verb. REPLACE deletes, too."""
    young = f"WHEN OLD.at > datetime('now', '-{days} days') " if days else ""
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {young}{refusal}",
    ]


def triggers_of_postgresql(table: str, days: int | None) -> list[str]:
    """A trigger for statements, which TRUNCATE needs, and one for the rows that a DELETE may not remove."""
    young = f"WHEN (OLD.at > now() - interval '{days} days') " if days else ""
    refuse = f"EXECUTE FUNCTION {table}_append_only()"
    raising = f"BEGIN RAISE EXCEPTION '{table} can only be added to'; END"
    return [
        f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ {raising} $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR TRUNCATE ON {table} FOR EACH STATEMENT {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW {young}{refuse}",
    ]


@renderers.dispatch_for(MakeAppendOnly)
def render_append_only(_context: AutogenContext, operation: MakeAppendOnly) -> str:
    days = f", removable_after_days={operation.days}" if operation.days else ""
    return f"op.make_append_only({operation.table!r}{days})  # type: ignore[attr-defined]  # our own operation"
