"""The filters of a list, as conditions whose values are parameters: a select is built once for each set of filters."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam

from app.core.db.pagination import EntityQuery, PageQuery

COMPARE = {"lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}


@cache
def filter_names(kind: type[PageQuery]) -> tuple[str, ...]:
    """The fields of a query beyond those that every list has."""
    return tuple(name for name in kind.model_fields if name not in EntityQuery.model_fields)


def given_filters(query: PageQuery) -> dict[str, Any]:
    """The filters that have a value in `query`."""
    found = {name: getattr(query, name) for name in filter_names(type(query))}
    return {name: value for name, value in found.items() if value not in (None, [])}


def parameter_values(query: PageQuery) -> dict[str, Any]:
    """The values of the parameters in `condition`."""
    return {f"filter_{name}": value for name, value in given_filters(query).items()}


def condition(table: Table, name: str, value: object) -> ColumnElement[bool]:
    """What a filter asks for: `x` equals or is any of, `x_lt`/`x_lte`/`x_gt`/`x_gte` compare.

    A truth value stands in the text, where an index for some rows only can be chosen by it; any other is a parameter.
    """
    field, _, suffix = name.rpartition("_")
    is_compared = suffix in COMPARE and name not in table.c
    column = table.c[field if is_compared else name]
    parameter: Any = bindparam(f"filter_{name}", type_=column.type, expanding=isinstance(value, list))
    if isinstance(value, bool):
        return column == value
    if isinstance(value, list):
        return column.in_(parameter)
    compared: ColumnElement[bool] = getattr(column, COMPARE[suffix])(parameter) if is_compared else column == parameter
    return compared
