"""Column types and values that behave the same on every database."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, Row, Select
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from uuid_utils.compat import uuid7

JSON_DOCUMENT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit identity; SQLite only numbers a column that is declared INTEGER."""


AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]


def now() -> datetime:
    """The current instant, aware, UTC, in microseconds."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7: sortable by time, made without asking the database."""
    return uuid7()


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant in microseconds. A naive value is refused, never guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def __repr__(self) -> str:
        return "Instant()"


def choice(options: type[StrEnum]) -> Enum:
    """A text column that holds the values (not the names) of `options`."""
    return Enum(
        options,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda chosen: [option.value for option in chosen],
    )


class CurrentTransaction(FunctionElement[int]):
    """The id of the writing transaction on PostgreSQL. SQLite has one writer: there id order is commit order."""

    type = BigInteger()
    inherit_cache = True


@compiles(CurrentTransaction)
def _none(_element: Any, _compiler: Any, **_: Any) -> str:
    return "NULL"


@compiles(CurrentTransaction, "postgresql")
def _xid(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"
