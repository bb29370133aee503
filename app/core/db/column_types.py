"""Column types that behave the same on every database."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, DateTime, Dialect, Enum, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.core.fields.money import DIGITS, SCALE

JSON_DOCUMENT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit identity. SQLite generates numbers only for a column that is declared INTEGER."""
MONEY_UNITS = 10**SCALE


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant in microseconds. A naive value raises ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """None for asyncpg, whose values are aware and in UTC."""
        return None if dialect.driver == "asyncpg" else super().result_processor(dialect, coltype)

    def __repr__(self) -> str:
        return "Instant()"


class Money(TypeDecorator[Decimal]):
    """NUMERIC(15, 4). On SQLite, which would compute with floats, an integer of ten-thousandths."""

    impl = Numeric(DIGITS, SCALE)
    cache_ok = True

    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(DIGITS, SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int(value * MONEY_UNITS)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(value).scaleb(-SCALE)

    def __repr__(self) -> str:
        return "Money()"


class Words(TypeDecorator[Sequence[str]]):
    """Words without punctuation: a text search vector on PostgreSQL, elsewhere a text in which each follows a space."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | str | None, dialect: Dialect) -> str | None:
        if value is None or isinstance(value, str):
            return value
        before, behind = (" '", "'") if dialect.name == "postgresql" else (" ", "")
        return f"{before}{(behind + before).join(value)}{behind}" if value else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> Sequence[str] | None:
        return None if value is None else sorted(value.replace("'", "").split())

    def __repr__(self) -> str:
        return "Words()"


def enum_type(options: type[StrEnum]) -> Enum:
    """A text column that holds the values (not the names) of `options`."""
    return Enum(
        options,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda chosen: [option.value for option in chosen],
    )


def is_enumerated(column: ColumnElement[Any]) -> bool:
    """Whether the values of a column are options, which have an order of their own."""
    return isinstance(column.type, Enum)


def options_of(column: ColumnElement[Any]) -> list[Any]:
    """The options of an enumerated column in the order of their declaration; none of any other column."""
    kind = column.type.enum_class if isinstance(column.type, Enum) else None
    return list(kind or ())


class CurrentTransaction(FunctionElement[int]):
    """The id of the writing transaction on PostgreSQL. NULL on SQLite, whose one writer commits in order."""

    type = BigInteger()
    inherit_cache = True


class DatabaseClock(FunctionElement[datetime]):
    """The clock of the database when the row is inserted, as an `Instant`; on SQLite in milliseconds."""

    type = Instant()
    inherit_cache = True


@compiles(DatabaseClock)
def compile_to_text_clock(_element: object, _compiler: object, **_: object) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"


@compiles(DatabaseClock, "postgresql")
def compile_to_clock(_element: object, _compiler: object, **_: object) -> str:
    return "clock_timestamp()"


@compiles(CurrentTransaction)
def compile_to_null(_element: object, _compiler: object, **_: object) -> str:
    return "NULL"


@compiles(CurrentTransaction, "postgresql")
def compile_to_transaction_id(_element: object, _compiler: object, **_: object) -> str:
    return "(pg_current_xact_id()::text::bigint)"
