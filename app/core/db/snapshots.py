"""What a statement saw of a table to which rows are only added, kept for later statements: its snapshot.

On PostgreSQL that is the text of `pg_current_snapshot()`. On SQLite, whose one writer gives numbers in the order of
commits, it is the highest number.
"""

from typing import Any

from sqlalchemy import ColumnElement, Table, Text, cast, func, select
from sqlalchemy.types import UserDefinedType


class TransactionId(UserDefinedType[int]):
    """A transaction id with its epoch, as PostgreSQL compares it with a snapshot."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class SnapshotText(UserDefinedType[str]):
    """A snapshot of PostgreSQL."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


def present_snapshot(table: Table, *, is_sqlite: bool) -> ColumnElement[str]:
    """The snapshot of the statement."""
    if is_sqlite:
        numbers = table.alias("numbers")
        return cast(select(func.coalesce(func.max(numbers.c.id), 0)).scalar_subquery(), Text)
    return select(cast(func.pg_current_snapshot(), Text)).scalar_subquery()


def was_visible(
    number: ColumnElement[Any], xid: ColumnElement[Any], snapshot: ColumnElement[str], *, is_sqlite: bool
) -> ColumnElement[bool]:
    """Whether a row that is visible now was so in `snapshot`. No index is used for it: almost every row was."""
    if is_sqlite:
        return number + 0 <= cast(snapshot, number.type)
    writer = cast(cast(func.greatest(xid, 0), Text), TransactionId)
    return func.pg_visible_in_snapshot(writer, cast(snapshot, SnapshotText))
