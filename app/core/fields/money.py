"""Money: an exact decimal with an ISO 4217 currency, a string in JSON, never a float."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

SCALE = 4
"""Decimal places that are stored; no currency of ISO 4217 has more."""
DIGITS = 15
AMOUNT: dict[str, Any] = {
    "type": "string",
    "pattern": rf"^[0-9]{{1,{DIGITS - SCALE}}}(\.[0-9]{{1,{SCALE}}})?$",
    "maxLength": DIGITS + 1,
    "examples": ["19.90"],
}


def parse_amount(value: object) -> Decimal:
    """A decimal from text. Raises ValueError for a JSON number, which is a float to most clients."""
    if isinstance(value, str) and re.fullmatch(AMOUNT["pattern"], value):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise ValueError('send a decimal as a string, as in "19.90"')


def at_stored_scale(amount: Decimal) -> Decimal:
    """`amount` with `SCALE` decimal places, as every database returns it, so that equal values look equal."""
    return amount.quantize(Decimal(1).scaleb(-SCALE))


def check_currency(code: str) -> str:
    """`code`, if it is a currency with decimal places. Raises ValueError."""
    if decimal_places_of(code) is None:
        raise ValueError("this is no currency of ISO 4217")
    return code


def decimal_places_of(code: str) -> int | None:
    """Decimal places of a currency; None for an unknown code and for one without any, such as gold (XAU)."""
    from iso4217 import Currency  # noqa: PLC0415  # its table of currencies is slow to import, and few requests need it

    try:
        return Currency(code).exponent
    except ValueError:
        return None


def fits_currency(amount: Decimal, code: str) -> bool:
    """Whether `amount` has no more decimal places than its currency."""
    return amount == round_to_currency(amount, code)


def round_to_currency(amount: Decimal, code: str) -> Decimal:
    """`amount` with the decimal places of its currency: 19.90 EUR, 1990 JPY."""
    return amount.quantize(Decimal(1).scaleb(-(decimal_places_of(code) or 0)))


Amount = Annotated[
    Decimal,
    BeforeValidator(parse_amount),
    Field(ge=0, max_digits=DIGITS, decimal_places=SCALE),
    AfterValidator(at_stored_scale),
    WithJsonSchema(AMOUNT),
]
"""An amount that is not negative."""
AmountRead = Annotated[Decimal, WithJsonSchema(AMOUNT)]
"""An amount in a response."""
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(check_currency)]
"""An ISO 4217 currency code."""
