"""The query parameters of summaries: what the rows of a list are counted by, and the filters of the list."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.fields import FieldInfo
from sqlalchemy import Boolean, Column, Table

from app.core.db.column_types import is_enumerated
from app.core.db.entity import table_of
from app.core.db.filter_query import EntityFilterQuery
from app.core.db.links import LinkSet
from app.core.db.natural_keys import natural_keys
from app.core.db.targets import target_of
from app.core.fields.text import split_commas

MAX_GROUPS = 1000
MAX_DIMENSIONS = 4
"""Columns that a summary counts by at a time."""


class GroupQuery(EntityFilterQuery):
    """The parameters of every summary."""

    by: list[str]
    """What items are counted by, in one parameter with commas or in several."""
    sum: list[str] = Field(default_factory=list)
    """What is added up in each group, in one parameter with commas or in several."""
    limit: int = Field(100, ge=1, le=MAX_GROUPS)
    """The largest number of groups."""

    @classmethod
    def declare_fields(cls, table: Table) -> dict[str, FieldInfo]:
        """The same, and what the rows can be counted by and add up."""
        by, sums = choice_of(groupable(cls), is_required=True), choice_of(cls.measures, is_required=False)
        return {**super().declare_fields(table), "by": by, "sum": sums}

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The columns that are counted by, each once."""
        return tuple(dict.fromkeys(self.by))

    @property
    def sums(self) -> tuple[str, ...]:
        """The columns that are added up, each once."""
        return tuple(dict.fromkeys(self.sum))

    @model_validator(mode="after")
    def adds_amounts_of_one_currency(self) -> Self:
        """Refuse a sum of amounts of several currencies."""
        for name in self.sums:
            currency = self.currencies.get(name)
            if currency and currency not in self.by:
                self.check_currency(currency, f"sum={name}")
        return self


def group_query_of(kind: type[EntityFilterQuery]) -> type[GroupQuery]:
    """The parameters of the summary of a list, which have its filters."""

    class SummaryQuery(GroupQuery):
        """The parameters of a summary."""

        lists: ClassVar = kind.lists
        filterable: ClassVar = kind.filterable
        value_types: ClassVar = kind.value_types
        trees: ClassVar = kind.trees
        sets: ClassVar = kind.sets
        named: ClassVar = kind.named
        related: ClassVar = kind.related
        currencies: ClassVar = kind.currencies
        measures: ClassVar = kind.measures

    return SummaryQuery


def choice_of(options: tuple[str, ...], *, is_required: bool) -> FieldInfo:
    """A parameter with some of `options`; its texts may have commas."""
    choice: Any = Literal[options] if options else str
    most = min(len(options), MAX_DIMENSIONS)
    values: Any = Annotated[
        list[choice], BeforeValidator(split_commas), Field(min_length=int(is_required), max_length=most)
    ]
    if is_required:
        return FieldInfo(annotation=values)
    return FieldInfo(annotation=values, default_factory=list)


def groupable(kind: type[EntityFilterQuery]) -> tuple[str, ...]:
    """What many rows have in common: options, truth values, references and currencies to filter by, and members."""
    if kind.lists is None:
        return ()
    table = table_of(kind.lists)
    shared = {*kind.currencies.values()}
    columns = [table.c[name] for name in kind.filterable if name not in natural_keys(table)]
    own = [column.name for column in columns if column.name in shared or divides(column)]
    return (*own, *sets_by_key(kind))


def divides(column: "Column[Any]") -> bool:
    """Whether the values of a column divide the rows into few groups."""
    return is_enumerated(column) or isinstance(column.type, Boolean) or bool(column.foreign_keys)


def sets_by_key(kind: type[EntityFilterQuery]) -> dict[str, LinkSet]:
    """The sets whose members rows can be counted by."""
    return {links.key: links for links in kind.sets}


def refers_to(kind: type[EntityFilterQuery], name: str) -> Table | None:
    """The table with what rows have in common by `name`, where that is a reference or a member of a set."""
    if (links := sets_by_key(kind).get(name)) is not None:
        return links.members
    column = table_of(kind.lists).c[name] if kind.lists is not None else None
    return target_of(column) if column is not None and column.foreign_keys else None
