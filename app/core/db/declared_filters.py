"""The filters that a list declares: parameters of its query, made from the columns of its table.

A parameter is the name of a column, alone or with a suffix: `status`, `status_not`, `due_date_null`, `price_gte`,
`category_id_under`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from operator import ge, gt, le, lt
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo
from sqlalchemy import BigInteger, Column, ColumnElement, Table
from sqlmodel import AutoString

from app.core.db.natural_keys import natural_keys
from app.core.fields.money import Amount
from app.core.fields.time import Day, Moment

COMPARE: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
NOT, NULL, UNDER = "not", "null", "under"
SUFFIXES = frozenset({*COMPARE, NOT, NULL, UNDER})
ALWAYS = ("id", "created_at", "updated_at")
"""The columns by which every list of entities can be filtered."""
MAX_VALUES = 100
"""Values of one filter."""
INT32, INT64 = 2**31, 2**63
TEXT_FORM = r"^[^\x00]*$"

WORDS = {"lt": "lower than", "lte": "at most", "gt": "higher than", "gte": "at least"}
TIMES = {"lt": "before", "lte": "at or before", "gt": "after", "gte": "at or after"}


class FilterName(NamedTuple):
    """The name of a parameter, taken apart."""

    column: str
    suffix: str = ""


def read_name(table: Table, name: str) -> FilterName:
    """The column and the suffix in the name of a parameter. A column may itself end like a suffix."""
    column, _, suffix = name.rpartition("_")
    return FilterName(column, suffix) if suffix in SUFFIXES and name not in table.c else FilterName(name)


def declare_filters(
    table: Table, names: Iterable[str], types: Mapping[str, Any], trees: Collection[str]
) -> dict[str, FieldInfo]:
    """The parameters by which a list of `table` can be filtered: by `names`, and by what every table has.

    `types` are the types of values, where the type of the column says too little; `trees` are references to trees.
    """
    found: dict[str, FieldInfo] = {}
    for name in dict.fromkeys([*(name for name in ALWAYS if name in table.c), *names]):
        value = types.get(name) or value_type(table.c[name])
        found |= filters_of(table.c[name], value, is_key=name in natural_keys(table))
        if name in trees:
            about = f"Only items whose {words_of(name)} is one of these, or below one at any depth."
            found[f"{name}_{UNDER}"] = several(value, about)
    return found


def words_of(name: str) -> str:
    """The name of a column in words; of a reference, that of its target."""
    return (name.removesuffix("_id") or name).replace("_", " ")


def filters_of(column: "Column[Any]", value: Any, *, is_key: bool) -> Iterator[tuple[str, FieldInfo]]:
    """The parameters of one column, for values of a type."""
    kind, words = python_type(column), words_of(column.name)
    what = f"items whose {words}"
    if kind is bool:
        yield column.name, one(bool, f"Only items of which `{column.name}` is this.")
    elif kind is not datetime:
        case = ", ignoring case" if is_key else ""
        missing = f", also those without {words}" if column.nullable else ""
        yield column.name, several(value, f"Only {what} is one of these{case}.")
        yield f"{column.name}_{NOT}", several(value, f"Only {what} is none of these{case}{missing}.")
    if column.nullable:
        yield f"{column.name}_{NULL}", one(bool, f"Only items without {words} (true), or only those with one (false).")
    if kind in (int, Decimal, date, datetime):
        for suffix, comparison in (TIMES if kind in (date, datetime) else WORDS).items():
            yield f"{column.name}_{suffix}", one(value, f"Only {what} is {comparison} this.")


def one(kind: Any, description: str) -> FieldInfo:
    """An optional parameter with one value."""
    return FieldInfo(annotation=kind | None, default=None, description=description)


def several(kind: Any, description: str) -> FieldInfo:
    """An optional parameter that can be repeated."""
    values = Annotated[list[kind], Field(max_length=MAX_VALUES)]
    return FieldInfo(annotation=values | None, default=None, description=description)


def python_type(column: "Column[Any]") -> Any:
    """The type of the values of a column."""
    return str if isinstance(column.type, AutoString) else column.type.python_type


def value_type(column: "Column[Any]") -> Any:
    """The type of a value that a client sends, to be compared with `column`. Raises TypeError."""
    kind = python_type(column)
    if kind is int:
        bound = INT64 if isinstance(column.type, BigInteger) else INT32
        return Annotated[int, Field(ge=-bound, lt=bound)]
    if kind is str:
        length = getattr(column.type, "length", None)
        return Annotated[str, StringConstraints(min_length=1, max_length=length, pattern=TEXT_FORM)]
    known: dict[Any, Any] = {bool: bool, UUID: UUID, date: Day, datetime: Moment, Decimal: Amount}
    if kind in known:
        return known[kind]
    if issubclass(kind, Enum):
        return kind
    raise TypeError(f"{column} cannot be a filter")
