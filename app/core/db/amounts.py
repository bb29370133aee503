"""Amounts of money in tables: each keeps the number of decimal places that it was stored with.

The table of currencies changes: codes are withdrawn, and currencies lose their decimal places. What is stored does not.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import SmallInteger, Table
from sqlmodel import Field

from app.core.db.derived import derive_from
from app.core.fields.money import USUAL_PLACES, places_to_store

INFO = "amount_columns"


class AmountColumns(NamedTuple):
    """The names of the columns that an amount has."""

    amount: str
    currency: str
    places: str
    """That of its decimal places, as it was stored."""


def places_column(amount: str, currency: str) -> Any:
    """The field with the decimal places of `amount`: those that its currency had when one of the two was last set."""
    names = AmountColumns(amount, currency, f"{amount}_places")

    def places_of_row(values: Mapping[str, Any]) -> int:
        return places_to_store(values[amount], values[currency], values[names.places])

    info = {**derive_from(places_of_row, (amount, currency)), INFO: names}
    options = {"info": info, "server_default": str(USUAL_PLACES)}
    return Field(default=USUAL_PLACES, sa_type=SmallInteger, sa_column_kwargs=options)


@cache
def amounts_of(table: Table) -> tuple[AmountColumns, ...]:
    """The amounts of a table that keep their decimal places."""
    return tuple(column.info[INFO] for column in table.columns if INFO in column.info)
