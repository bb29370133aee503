"""Columns with the folded form of a text, in which databases compare what they cannot fold alike.

`unique_index` declares them: of `name`, the column `name_folded`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, String, Table

from app.core.db.derived import derive_from

FOLDED_TEXT = String().with_variant(String(collation="C"), "postgresql")
"""Compared by its bytes, whatever the locale is; an update of a locale leaves its indexes as they are."""
Fold = Callable[[str], str]


class Folding(NamedTuple):
    """What a folded column has: the value of the column `source`, as `fold` gives it. Null stays null."""

    source: str
    fold: Fold

    def of(self, value: str | None) -> str | None:
        """The folded form of a value."""
        return None if value is None else self.fold(value)

    def of_row(self, values: Mapping[str, Any]) -> str | None:
        """The folded form that belongs to the values of a row."""
        return self.of(values[self.source])


def folded_name(field: str) -> str:
    return f"{field}_folded"


def add_folded_column(table: Table, folding: Folding) -> None:
    """Give `table` the folded column of a field, unless it has it."""
    name = folded_name(folding.source)
    if name not in table.c:
        is_nullable = table.c[folding.source].nullable
        info = derive_from(folding.of_row, [folding.source], is_exact=True)
        table.append_column(Column(name, FOLDED_TEXT, nullable=is_nullable, info=info))
