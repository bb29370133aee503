"""Filters by other rows: by the members of a set, and by the names of what a row refers to.

The tables of others may be declared later than the filters, and are looked up when a filter is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints
from pydantic.fields import FieldInfo
from sqlalchemy import Column, ColumnElement, Select, Table, exists, or_, select

from app.core.db.declared_filters import NOT, NULL, TEXT_FORM, one, several, words_of
from app.core.db.links import LinkSet
from app.core.db.natural_keys import compared_column, compared_value, unique_name
from app.core.db.row_access import RowAccess
from app.core.db.targets import target_of

UniqueName = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=TEXT_FORM)]


@dataclass(frozen=True)
class Others:
    """The rows that `reference` refers to and the caller may read, by id or by a unique name, as a filter has them."""

    reference: "Column[Any]"
    by_name: bool

    @property
    def kind(self) -> Any:
        """The type of a value that a client sends."""
        return UniqueName if self.by_name else UUID

    @property
    def table(self) -> Table:
        return target_of(self.reference)

    @property
    def column(self) -> ColumnElement[Any]:
        """What the values of the filter are compared with. Raises LookupError where names are not unique."""
        return compared_column(self.named_by) if self.by_name else self.table.c.id

    @property
    def named_by(self) -> "Column[Any]":
        """The column with their names. Raises LookupError where names are not unique."""
        return self.table.c[unique_name(self.table)]

    def fold(self, value: Any) -> Any:
        """A value as it is compared with `column`."""
        return compared_value(self.named_by, value) if self.by_name else value

    def ids(self, values: Any, access: RowAccess) -> Select[Any]:
        """The ids of those with any of `values`, a parameter."""
        return self.visible(access).where(self.column.in_(values))

    def visible(self, access: RowAccess) -> Select[Any]:
        """The ids of all of them."""
        return select(self.table.c.id).where(self.table.c.deleted_at.is_(None), *access.conditions(self.table))


@dataclass(frozen=True)
class LinkedFilter(ABC):
    """A filter of the rows of a table by others."""

    others: Others

    def condition(self, suffix: str, values: Any, access: RowAccess, *, is_true: bool) -> ColumnElement[bool]:
        """True for the rows that a parameter finds: with any of `values`, with none of them, or without others."""
        if suffix == NULL:
            every = self.others.visible(access)
            return self.lacks(every) if is_true else self.has(every)
        found = self.others.ids(values, access)
        return self.lacks(found) if suffix == NOT else self.has(found)

    @abstractmethod
    def has(self, ids: Select[Any]) -> ColumnElement[bool]:
        """True for rows with any of the others that `ids` selects."""

    @abstractmethod
    def lacks(self, ids: Select[Any]) -> ColumnElement[bool]:
        """True for rows with none of them."""

    @abstractmethod
    def parameters(self, name: str) -> Iterator[tuple[str, FieldInfo]]:
        """The parameters of the filter `name`."""


@dataclass(frozen=True)
class MemberFilter(LinkedFilter):
    """A filter by the members of a set. Both sides of a link have an index."""

    links: LinkSet

    @property
    def owner(self) -> "Column[Any]":
        return target_of(self.links.owner_key).c.id

    def has(self, ids: Select[Any]) -> ColumnElement[bool]:
        return self.owner.in_(select(self.links.owner_key).where(self.links.member_key.in_(ids)))

    def lacks(self, ids: Select[Any]) -> ColumnElement[bool]:
        mine = exists().where(self.links.owner_key == self.owner, self.links.member_key.in_(ids))
        return ~mine.correlate(self.owner.table)  # most rows lack them, and are read in the order of the list

    def parameters(self, name: str) -> Iterator[tuple[str, FieldInfo]]:
        words = self.links.name.replace("_", " ")
        these = f"these {words}, by their names and ignoring case" if self.others.by_name else f"these {words}"
        yield name, several(self.others.kind, f"Only items with one of {these}.")
        yield f"{name}_{NOT}", several(self.others.kind, f"Only items with none of {these}.")
        if not self.others.by_name:
            yield f"{name}_{NULL}", one(bool, f"Only items without {words} (true), or only those with some (false).")


@dataclass(frozen=True)
class TargetFilter(LinkedFilter):
    """A filter by the name of what a reference refers to."""

    def has(self, ids: Select[Any]) -> ColumnElement[bool]:
        return self.others.reference.in_(ids)

    def lacks(self, ids: Select[Any]) -> ColumnElement[bool]:
        column = self.others.reference
        return or_(column.not_in(ids), column.is_(None)) if column.nullable else column.not_in(ids)

    def parameters(self, name: str) -> Iterator[tuple[str, FieldInfo]]:
        words = words_of(name)
        missing = f", also those without {words}" if self.others.reference.nullable else ""
        yield name, several(self.others.kind, f"Only items whose {words} has one of these names, ignoring case.")
        about = f"Only items whose {words} has none of these names, ignoring case{missing}."
        yield f"{name}_{NOT}", several(self.others.kind, about)


def linked_filters(table: Table, sets: Iterable[LinkSet], named: Collection[str]) -> dict[str, LinkedFilter]:
    """The filters of `table` by other rows: by the members of `sets`, and of those and references that are `named`."""
    found: dict[str, LinkedFilter] = {}
    for links in sets:
        found[links.key] = MemberFilter(Others(links.member_key, by_name=False), links)
        if links.key in named:
            found[name_filter(links.key)] = MemberFilter(Others(links.member_key, by_name=True), links)
    for name in named:
        if name in table.c:
            found[name_filter(name)] = TargetFilter(Others(table.c[name], by_name=True))
    return found


def name_filter(key: str) -> str:
    """The filter by the names of what a reference refers to: `brand` of `brand_id`."""
    return key.removesuffix("_id")
