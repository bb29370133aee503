"""The queries of tables with amounts of money, which are shown with the decimal places that they were stored with."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement

from app.core.db.amounts import AmountColumns, amounts_of
from app.core.db.repository import M, Repository
from app.core.db.session import AnyRow
from app.core.fields.money import show_amount


class AmountRepository(Repository[M]):
    """Loads, adds, changes and removes entities whose model has a `places_column` for each amount."""

    @cached_property
    def amounts(self) -> list[AmountColumns]:
        """The amounts that the caller may read in some row at least."""
        masked = self.fields.mask.everywhere
        return [each for each in amounts_of(self.table) if each.amount not in masked]

    def columns(self) -> list[ColumnElement[Any]]:
        return [*super().columns(), *(self.table.c[each.places] for each in self.amounts)]

    def to_reads(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        return self.show_amounts(super().to_reads(rows), rows)

    async def reload_for_read(self, rows: Sequence[M]) -> Sequence[Any]:
        return self.show_amounts(await super().reload_for_read(rows), rows)

    def show_amounts(self, items: Sequence[Any], rows: Sequence[Any]) -> Sequence[Any]:
        """`items`, each amount with the decimal places that its row has."""
        for each in self.amounts:
            for item, row in zip(items, rows, strict=True):
                show_places(item, each, row)
        return items


def show_places(item: Any, names: AmountColumns, row: Any) -> None:
    """Give an amount of `item` the decimal places that `row` has, unless it is masked."""
    amount = getattr(item, names.amount)
    if amount is not None:
        setattr(item, names.amount, show_amount(amount, getattr(row, names.places)))
