"""Amounts of money in tables: each keeps the number of decimal places that it was stored with.

The table of currencies changes: codes are withdrawn, and currencies lose their decimal places. What is stored does not.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import SmallInteger
from sqlmodel import Field

from app.core.db.derived import derive_from
from app.core.fields.money import USUAL_PLACES, places_to_store


def places_column(amount: str, currency: str) -> Any:
    """The field with the decimal places of `amount`: those that its currency had when one of the two was last set."""

    def places_of_row(values: Mapping[str, Any]) -> int:
        return places_to_store(values[amount], values[currency], values[f"{amount}_places"])

    info = derive_from(places_of_row, (amount, currency))
    options = {"info": info, "server_default": str(USUAL_PLACES)}
    return Field(default=USUAL_PLACES, sa_type=SmallInteger, sa_column_kwargs=options)
