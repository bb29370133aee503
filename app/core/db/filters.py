"""The filters of a list, as conditions whose values are parameters: a select is built once for each set of filters."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Table, bindparam, or_

from app.core.db.column_types import options_of
from app.core.db.declared_filters import COMPARE, NOT, NULL, UNDER, read_name
from app.core.db.filter_query import FilterQuery
from app.core.db.group_query import GroupQuery
from app.core.db.natural_keys import compared_column, compared_value, natural_keys
from app.core.db.page_selects import Options
from app.core.db.pagination import EntityQuery
from app.core.db.row_access import RowAccess
from app.core.db.statements import AnySelect
from app.core.db.trees import parent_column, select_subtree

SHARED = EntityQuery.model_fields.keys() | GroupQuery.model_fields.keys()
"""The parameters that every list or summary has. All others are filters."""


def given_filters(query: FilterQuery) -> dict[str, Any]:
    """The filters that have a value in `query`."""
    found = {name: getattr(query, name) for name in sorted(query.model_fields_set - SHARED)}
    return {name: value for name, value in found.items() if value not in (None, [])}


def parameter_values(table: Table, query: FilterQuery) -> dict[str, Any]:
    """The values of the parameters in `condition`."""
    return {
        f"filter_{name}": parameter_value(table, query, name, value) for name, value in given_filters(query).items()
    }


def parameter_value(table: Table, query: FilterQuery, name: str, value: Any) -> Any:
    """`value` as `condition` compares it with its column."""
    column, suffix = read_name(table, name)
    if (linked := query.linked.get(column)) is not None:
        return value if suffix == NULL else [linked.others.fold(each) for each in value]
    if (related := query.related.get(column)) is not None:
        return related.value(value)
    if column in natural_keys(table):
        key = table.c[column]
        return [compared_value(key, each) for each in value] if isinstance(value, list) else compared_value(key, value)
    if suffix == NOT and (options := options_of(table.c[column])):
        return [option for option in options if option not in value]
    return value


def wanted_options(table: Table, query: FilterQuery) -> Options | None:
    """The options of which a filter wants any of several; None without such a filter."""
    for name, value in given_filters(query).items() if query.enumerated else ():
        column, suffix = read_name(table, name)
        if column in query.enumerated and suffix in ("", NOT):
            missing = [None] if suffix == NOT and table.c[column].nullable else []
            wanted = dict.fromkeys([*parameter_value(table, query, name, value), *missing])
            if len(wanted) > 1:
                return Options(column, tuple(wanted))
    return None


def condition(table: Table, query: FilterQuery, name: str, value: object, access: RowAccess) -> ColumnElement[bool]:
    """What a filter asks for. Its value is a parameter.

    Only a truth value stands in the text, where an index for some rows only can be chosen by it.
    """
    field, suffix = read_name(table, name)
    if (linked := query.linked.get(field)) is not None:
        values: BindParameter[Any] = bindparam(f"filter_{name}", type_=linked.others.column.type, expanding=True)
        return linked.condition(suffix, values, access, is_true=value is True)
    if (related := query.related.get(field)) is not None:
        return related.condition(table, suffix, value, f"filter_{name}", access)
    column = table.c[field]
    shown = compared_column(column) if field in natural_keys(table) else column
    parameter: BindParameter[Any] = bindparam(f"filter_{name}", type_=shown.type, expanding=isinstance(value, list))
    if suffix == NULL:
        return column.is_(None) if value else column.is_not(None)
    if suffix == NOT:
        return or_(*exclude_values(column, shown, parameter))
    if suffix == UNDER:
        return column.in_(select_subtree(parent_of(column), parameter))
    if suffix in COMPARE:
        return COMPARE[suffix](shown, parameter)
    if isinstance(value, bool):
        return column == value
    return shown.in_(parameter) if isinstance(value, list) else shown == parameter


def exclude_values(column: "Column[Any]", shown: ColumnElement[Any], parameter: Any) -> Iterator[ColumnElement[bool]]:
    """Rows with none of the values, and those without one. Of an enumerated column, the other values are the
    parameter: an index can look for those."""
    yield shown.in_(parameter) if options_of(column) else shown.not_in(parameter)
    if column.nullable:
        yield column.is_(None)


def parent_of(column: "Column[Any]") -> "Column[Any]":
    parent = parent_column(column)
    if parent is None:
        raise LookupError(f"{column} does not refer to a tree")
    return parent


def filter_rows(
    table: Table, query: FilterQuery, statement: AnySelect, access: RowAccess, beside: Sequence[Table] = ()
) -> AnySelect:
    """`statement` with a condition for each filter with a value in `query`, on columns of `table`, or `beside` it."""
    filters = given_filters(query)
    owners = {name: owner_of(name, (table, *beside)) for name in filters}
    return statement.where(*(condition(owners[name], query, name, value, access) for name, value in filters.items()))


def owner_of(name: str, tables: Sequence[Table]) -> Table:
    """The first of `tables` with the column of a filter; the first of all for a filter of other rows."""
    return next((table for table in tables if read_name(table, name).column in table.c), tables[0])


def kinds_of(filters: dict[str, Any]) -> tuple[tuple[str, bool | None], ...]:
    """What a select depends on of `filters`: their names, and the truth values among them."""
    return tuple((name, value if isinstance(value, bool) else None) for name, value in filters.items())
