"""The rule of amounts of money: none has more decimal places than its currency."""

from collections.abc import Mapping
from typing import Any

from app.core.db.amounts import AmountColumns, amounts_of
from app.core.errors import invalid
from app.core.fields.money import USUAL_PLACES, decimal_places_of, places_in
from app.core.resources.schemas import Schema
from app.core.resources.service import M, Service


class AmountService(Service[M]):
    """Items with amounts. Its repository is an `AmountRepository`."""

    def build(self, data: Schema) -> M:
        """An entity made of `data`, not added yet. Raises Invalid for an amount with too many decimal places."""
        item = super().build(data)
        for names in amounts_of(self.rows.table):
            check_places(names, item.__dict__, USUAL_PLACES)
        return item

    def apply_rules(self, row: M, changes: dict[str, Any]) -> dict[str, Any]:
        """`changes` to `row`. Raises Invalid for too many decimal places, and for a change to a withdrawn currency."""
        for names in amounts_of(self.rows.table):
            check_change(names, row.__dict__, row.__dict__ | changes)
        return super().apply_rules(row, changes)


def check_change(names: AmountColumns, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise Invalid for a change to a withdrawn currency, or to an amount with more decimal places than it may have."""
    changed = [name for name in (names.amount, names.currency) if values[name] != before[name]]
    if names.currency in changed and decimal_places_of(values[names.currency]) is None:
        detail = "This is no currency of ISO 4217, such as EUR."
        raise invalid(f"/body/{names.currency}", detail, "unknown-currency")
    if changed:
        check_places(names, values, before[names.places])


def check_places(names: AmountColumns, values: Mapping[str, Any], known_places: int) -> None:
    """Raise Invalid for more decimal places than the currency of an amount has, or had if it was withdrawn."""
    currency = values[names.currency]
    places = decimal_places_of(currency)
    if places_in(values[names.amount]) > (known_places if places is None else places):
        detail = f"{currency} has fewer decimal places than this."
        raise invalid(f"/body/{names.amount}", detail, "too-many-decimals", currency=currency)
