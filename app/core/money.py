"""Money: an exact decimal with an ISO 4217 currency, a string in JSON, never a float."""

import re
from decimal import Decimal
from typing import Annotated, Any

import iso4217
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from sqlalchemy import BigInteger, Dialect, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine

SCALE = 4
"""Decimal places that are stored; no currency of ISO 4217 has more."""
DIGITS = 15
UNITS = 10**SCALE
AMOUNT: dict[str, Any] = {
    "type": "string",
    "pattern": rf"^[0-9]{{1,{DIGITS - SCALE}}}(\.[0-9]{{1,{SCALE}}})?$",
    "maxLength": DIGITS + 1,
    "examples": ["19.90"],
}


class Money(TypeDecorator[Decimal]):
    """NUMERIC(15, 4); on SQLite, which would compute with floats, the same as an integer of ten-thousandths."""

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
        return int(value * UNITS)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]  # a Decimal already
        return Decimal(value).scaleb(-SCALE)

    def __repr__(self) -> str:
        return "Money()"


def exact(value: Any) -> Decimal:
    """A JSON number is a float to most clients, so a decimal comes as text."""
    if isinstance(value, str) and re.fullmatch(AMOUNT["pattern"], value):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise ValueError('send a decimal as a string, as in "19.90"')


def plain(amount: Decimal) -> Decimal:
    """`amount` at the scale that every database gives back, so that equal values look equal."""
    return amount.quantize(Decimal(1).scaleb(-SCALE))


def known_currency(code: str) -> str:
    if decimal_places_of(code) is None:
        raise ValueError("this is no currency of ISO 4217")
    return code


def decimal_places_of(code: str) -> int | None:
    """Decimal places of a currency; None for what is none, or (as gold is) has none."""
    try:
        return iso4217.Currency(code).exponent
    except ValueError:
        return None


def fits(amount: Decimal, code: str) -> bool:
    """Whether `amount` has no more decimal places than its currency."""
    return amount == with_currency_places(amount, code)


def with_currency_places(amount: Decimal, code: str) -> Decimal:
    """`amount` with the decimal places of its currency: 19.90 EUR, 1990 JPY."""
    return amount.quantize(Decimal(1).scaleb(-(decimal_places_of(code) or 0)))


Amount = Annotated[
    Decimal,
    BeforeValidator(exact),
    Field(ge=0, max_digits=DIGITS, decimal_places=SCALE),
    AfterValidator(plain),
    WithJsonSchema(AMOUNT),
]
"""An amount that is not negative."""
AmountRead = Annotated[Decimal, WithJsonSchema(AMOUNT)]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(known_currency)]
