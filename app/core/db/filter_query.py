"""The query parameters that lists and summaries share: filters, made from a declaration."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo
from sqlalchemy import Table
from sqlmodel import SQLModel

from app.core.db.column_types import is_enumerated
from app.core.db.declared_filters import NULL, declare_filters, read_name
from app.core.db.entity import table_of
from app.core.db.linked_filters import LinkedFilter, linked_filters
from app.core.db.links import LinkSet
from app.core.db.redaction import is_personal
from app.core.db.related_filters import RelatedRows
from app.core.sentences import refusal


class FilterQuery(BaseModel):
    """Parameters that choose rows. A subclass declares them by the columns of its model, or as fields: `x`, `x_lt`."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    lists: ClassVar[type[SQLModel] | None] = None
    """The model of the rows."""
    filterable: ClassVar[tuple[str, ...]] = ()
    """Columns to filter by, beside the id and the times that every entity has."""
    value_types: ClassVar[Mapping[str, Any]] = {}
    """Types of values that say more than the type of their column."""
    trees: ClassVar[tuple[str, ...]] = ()
    """References to trees, to filter by what is below an item."""
    sets: ClassVar[tuple[LinkSet, ...]] = ()
    """Sets of linked rows, to filter by their members."""
    named: ClassVar[tuple[str, ...]] = ()
    """References, and keys of members of `sets`, to filter by name too. The names are unique."""
    related: ClassVar[Mapping[str, RelatedRows]] = {}
    """Filters by rows of other tables that belong to the listed ones, by name."""
    currencies: ClassVar[Mapping[str, str]] = {}
    """Columns with amounts, each with the column of its currency."""
    measures: ClassVar[tuple[str, ...]] = ()
    """Columns with numbers that a summary can add up."""

    enumerated: ClassVar[frozenset[str]] = frozenset()
    """The columns of the model that have options, which are sorted in the order of their declaration."""
    linked: ClassVar[Mapping[str, LinkedFilter]] = {}
    """The filters by other rows, which follow from `sets` and `named`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: object) -> None:
        super().__pydantic_init_subclass__(**options)
        if cls.lists is not None:
            table = table_of(cls.lists)
            cls.enumerated = frozenset(column.name for column in table.c if is_enumerated(column))
            cls.linked = linked_filters(table, cls.sets, cls.named)
            cls.model_fields.update(cls.declare_fields(table))

    @classmethod
    def declare_fields(cls, table: Table) -> dict[str, FieldInfo]:
        """The fields that follow from the declaration."""
        declared = declare_filters(table, cls.filterable, cls.value_types, cls.trees)
        for name, linked in cls.linked.items():
            declared |= linked.parameters(name)
        for name, related in cls.related.items():
            declared |= related.parameters(name)
        return {name: field for name, field in declared.items() if name not in cls.model_fields}

    @classmethod
    def is_personal(cls, parameter: str) -> bool:
        """Whether values of a parameter are personal data: of a column, or by which a row is shown."""
        if cls.lists is None:
            return False
        name, table = read_name(table_of(cls.lists), parameter).column, table_of(cls.lists)
        if (linked := cls.linked.get(name)) is not None:
            return linked.others.by_name and is_personal(linked.others.named_by)
        return name in table.c and is_personal(table.c[name])

    @model_validator(mode="after")
    def compares_amounts_of_one_currency(self) -> Self:
        """Refuse a filter of amounts without one currency: 10 of one is not 10 of another."""
        if self.lists is None or not self.currencies:
            return self
        for name in self.model_fields_set:
            column, suffix = read_name(table_of(self.lists), name)
            currency = self.currencies.get(column)
            if currency and suffix != NULL and getattr(self, name) is not None:
                self.check_currency(currency, name)
        return self

    def check_currency(self, currency: str, needed_by: str) -> None:
        """Raise PydanticCustomError unless the filters choose one currency, in the column `currency`."""
        if len(getattr(self, currency, None) or ()) != 1:
            detail = f"{needed_by} needs one {currency}, because amounts of several do not compare."
            raise refusal("currency-required", detail, needed_by=needed_by, currency=currency)


class EntityFilterQuery(FilterQuery):
    """The same, for a resource with soft delete and text search."""

    deleted: Literal["only"] | None = None
    """List deleted items instead (needs the delete permission)."""
    q: str | None = Field(None, min_length=1, max_length=200)
    """Words to search for; each must begin a word of the item."""
