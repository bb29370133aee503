"""What a list is of, as its module declares it: the document tells screens."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Table

from app.core.db.links import LinkSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """Declares, as a dependency of a list, what its items are. The route takes it out.

    `one` is an item in words, and `table` has the rows. `title` is the field that names an item, where it is not the
    usual one. `transitions` are the values that can follow others, by field. `importable` is the schema by which new
    items are imported.
    """

    one: str
    table: Table
    title: str | None = None
    transitions: Mapping[str, Mapping[Any, Collection[Any]]] = field(default_factory=dict)
    sets: Sequence[LinkSet] = ()
    importable: type[BaseModel] | None = None

    def __call__(self) -> None:
        """A dependency must be callable; no request calls this one."""
