"""The migration operations `make_append_only` and `drop_append_only`: triggers that keep a table as it was written."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations

from app.core.db.append_only import AppendOnlyRules

UUID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
"""First character and length of the groups of a UUID, which SQLite stores without hyphens."""


@Operations.register_operation("make_append_only")
class MakeAppendOnly(MigrateOperation):
    """`op.make_append_only("login_attempt", removable_after_days=29)`; further options are those of `AppendOnlyRules`.

    The database then refuses UPDATE, DELETE and TRUNCATE to every program, but for what the rules allow.
    """

    def __init__(self, table: str, rules: AppendOnlyRules) -> None:
        self.table = table
        self.rules = rules

    @classmethod
    def make_append_only(cls, operations: Operations, table: str, **rules: Any) -> Any:
        return operations.invoke(cls(table, AppendOnlyRules(**rules)))


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
    for statement in (triggers_of_sqlite if is_sqlite else triggers_of_postgresql)(operation.table, operation.rules):
        operations.execute(statement)


@Operations.implementation_for(DropAppendOnly)
def drop_append_only(operations: Operations, operation: DropAppendOnly) -> None:
    table = operation.table
    if operations.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete", "return"):
            operations.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
    else:
        for function in ("append_only", "removal"):
            operations.execute(f"DROP FUNCTION IF EXISTS {table}_{function}() CASCADE")


def triggers_of_sqlite(table: str, rules: AppendOnlyRules) -> Iterator[str]:
    """A trigger for each verb. REPLACE deletes, too."""
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END"
    limit = f"datetime('now', '-{rules.removable_after_days} days')"
    yield f"CREATE TRIGGER {table}_no_update BEFORE UPDATE{columns_of(rules)} ON {table} {refusal}"
    if returns := conditions_of_return(rules, limit):
        yield f"CREATE TRIGGER {table}_no_return BEFORE UPDATE ON {table} WHEN {returns} {refusal}"
    if rules.is_removable:
        return
    is_refused = f"WHEN OLD.at > {limit} " if rules.removable_after_days else ""
    if rules.removal_recorded_in:
        row_id = " || '-' || ".join(f"substr(OLD.id, {start}, {length})" for start, length in UUID_PARTS)
        is_refused = f"WHEN NOT EXISTS ({select_entry(table, rules.removal_recorded_in, row_id)}) "
    yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {is_refused}{refusal}"


def triggers_of_postgresql(table: str, rules: AppendOnlyRules) -> Iterator[str]:
    """A trigger for statements, which TRUNCATE needs, and triggers for the rows that a verb may not touch."""
    refuse = f"EXECUTE FUNCTION {table}_append_only()"
    limit = f"now() - interval '{rules.removable_after_days} days'"
    raising = f"RAISE EXCEPTION '{table} can only be added to'"
    yield function(f"{table}_append_only", f"{raising};")
    statements = f"BEFORE UPDATE{columns_of(rules)} OR TRUNCATE ON {table} FOR EACH STATEMENT"
    yield f"CREATE TRIGGER {table}_append_only {statements} {refuse}"
    if returns := conditions_of_return(rules, limit):
        yield f"CREATE TRIGGER {table}_no_return BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({returns}) {refuse}"
    if rules.removal_recorded_in:
        entry = select_entry(table, rules.removal_recorded_in, "OLD.id::text")
        yield function(f"{table}_removal", f"IF NOT EXISTS ({entry}) THEN {raising}; END IF; RETURN NULL;")
        deferred = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"  # one statement adds the entry and deletes the row
        yield (
            f"CREATE CONSTRAINT TRIGGER {table}_no_delete AFTER DELETE ON {table} {deferred}"
            f" EXECUTE FUNCTION {table}_removal()"
        )
    elif not rules.is_removable:
        young = f"WHEN (OLD.at > {limit}) " if rules.removable_after_days else ""
        yield f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW {young}{refuse}"


def function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


def columns_of(rules: AppendOnlyRules) -> str:
    """The columns that an UPDATE may not name."""
    return f" OF {', '.join(rules.fixed_columns)}" if rules.fixed_columns else ""


def conditions_of_return(rules: AppendOnlyRules, limit: str) -> str:
    """When an UPDATE would go back: to a lower value, or to an age at which the row could be deleted."""
    is_lower = [f"NEW.{rules.rising_column} < OLD.{rules.rising_column}"] if rules.rising_column else []
    can_age = rules.removable_after_days and rules.fixed_columns and "at" not in rules.fixed_columns
    return " OR ".join([*is_lower, *([f"NEW.at <= {limit}"] if can_age else [])])


def select_entry(table: str, entries: str, row_id: str) -> str:
    """A select of the change entry of a deleted row."""
    is_it = f"entity = '{table}' AND entity_id = {row_id} AND action = 'delete'"
    return f"SELECT 1 FROM {entries} WHERE {is_it}"  # noqa: S608  # nosec B608  # names of ours


@renderers.dispatch_for(MakeAppendOnly)
def render_append_only(_context: AutogenContext, operation: MakeAppendOnly) -> str:
    options = "".join(f", {name}={value!r}" for name, value in asdict(operation.rules).items() if value)
    return f"op.make_append_only({operation.table!r}{options})  # type: ignore[attr-defined]  # our own operation"
