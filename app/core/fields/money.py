"""Money: an exact decimal with an ISO 4217 currency, a string in JSON, never a float."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.core.sentences import refusal

SCALE = 4
"""Decimal places that are stored; no currency of ISO 4217 has more."""
DIGITS = 15
USUAL_PLACES = 2
"""Decimal places of most currencies."""
AMOUNT: dict[str, Any] = {
    "type": "string",
    "pattern": rf"^[0-9]{{1,{DIGITS - SCALE}}}(\.[0-9]{{1,{SCALE}}})?$",
    "maxLength": DIGITS + 1,
    "examples": ["19.90"],
}


def parse_amount(value: object) -> Decimal:
    """A decimal from text. Raises PydanticCustomError, also for a JSON number, which is a float to most clients."""
    if isinstance(value, str) and re.fullmatch(AMOUNT["pattern"], value):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise refuse_amount(value)


def refuse_amount(value: object) -> PydanticCustomError:
    """Why `value` is no amount."""
    if not isinstance(value, str):
        return refusal("amount-type", 'Send the amount as text, such as "19.90", and not as a JSON number.')
    if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", value):
        return refusal("negative-amount", "An amount cannot be negative.")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        detail = f"Use at most {DIGITS - SCALE} digits, a point and {SCALE} decimal places."
        return refusal("amount-digits", detail, whole_digits=DIGITS - SCALE, decimal_places=SCALE)
    return refusal("amount-form", "Write the amount in digits, with a point before the decimals, such as 19.90.")


def at_stored_scale(amount: Decimal) -> Decimal:
    """`amount` with `SCALE` decimal places, as every database returns it, so that equal values look equal."""
    return amount.quantize(Decimal(1).scaleb(-SCALE))


def check_currency(code: str) -> str:
    """`code`, if it is a currency with decimal places; else it is refused."""
    if decimal_places_of(code) is None:
        raise refusal("unknown-currency", "This is no currency of ISO 4217, such as EUR.")
    return code


def decimal_places_of(code: str) -> int | None:
    """Decimal places of a currency; None for an unknown code and for one without any, such as gold (XAU)."""
    from iso4217 import Currency  # noqa: PLC0415  # its table of currencies is slow to import, and few requests need it

    try:
        return Currency(code).exponent
    except ValueError:
        return None


def places_in(amount: Decimal) -> int:
    """The decimal places that `amount` needs: 1 for 19.90."""
    return max(0, -int(amount.normalize().as_tuple().exponent))


def places_to_store(amount: Decimal, code: str, known: int) -> int:
    """The decimal places of an amount that is stored now. One in a withdrawn currency keeps the `known` ones."""
    places = decimal_places_of(code)
    return max(known if places is None else places, places_in(amount))


def show_amount(amount: Decimal, places: int) -> Decimal:
    """`amount` with the decimal places that it was stored with: 19.90 EUR, 1990 JPY. It is never rounded."""
    return amount.quantize(Decimal(1).scaleb(-max(places, places_in(amount))))


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
CurrencyLetters = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency code, for an item that may have a withdrawn one: the service checks those that are new to it."""
AmountSum = Annotated[
    Decimal,
    WithJsonSchema({"type": "string", "pattern": rf"^[0-9]{{1,30}}(\.[0-9]{{1,{SCALE}}})?$", "maxLength": 31 + SCALE}),
]
"""The sum of amounts, in a response: it can have more digits than one of them."""
CurrencyCode = Annotated[CurrencyLetters, AfterValidator(check_currency)]
"""An ISO 4217 currency code."""
