"""Summaries: the rows of a list, counted and added up by what they have in common, in one statement."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Subquery,
    Table,
    and_,
    bindparam,
    cast,
    func,
    select,
)

from app.core.db.asked_columns import check_asked
from app.core.db.entity import choose_visible
from app.core.db.filters import filter_rows, given_filters, kinds_of, parameter_values
from app.core.db.group_query import GroupQuery, groupable, refers_to, sets_by_key
from app.core.db.link_selects import visible_members
from app.core.db.page_selects import Search
from app.core.db.row_access import RowAccess, row_access
from app.core.db.session import limit_list
from app.core.db.statements import AnyRow, AnySelect
from app.core.db.targets import name_column
from app.core.fields.money import USUAL_PLACES, decimal_places_of, show_amount

if TYPE_CHECKING:
    from app.core.db.repository import ReadRepository

COUNT, TOTAL, GROUPS = "count", "total", "groups"


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows that were counted."""

    by: tuple[str, ...]
    total: int
    """The number of rows in all groups, each counted once."""
    groups: int
    """The number of groups, of which `items` has the largest."""
    items: list[dict[str, Any]]


def reference_name(column: str) -> str:
    """The field that shows the target of a reference: `brand` of `brand_id`."""
    return column.removesuffix("_id")


async def fetch_groups(rows: "ReadRepository", query: GroupQuery) -> Groups:
    """Count the visible rows that match `query`, or the deleted ones. Raises Invalid, Forbidden."""
    check_asked(rows.fields, rows.table, query)
    filters, is_deleted = given_filters(query), query.deleted == "only"
    search = Search.of(query, rows.table, is_sqlite=rows.session.is_sqlite)
    kind = (is_deleted, query.dimensions, query.sums, kinds_of(filters))
    build = partial(select_groups, rows, query, search)
    statement = build() if search is not None else rows.build_once(("groups", kind), build)
    values = {**parameter_values(rows.table, query), "limit": query.limit}
    async with limit_list(rows.session):
        found = await rows.session.all(statement, values)
    total, groups = (found[0]._mapping[TOTAL], found[0]._mapping[GROUPS]) if found else (0, 0)
    return Groups(query.dimensions, total, groups, [to_group(query, row) for row in found])


def select_groups(rows: "ReadRepository", query: GroupQuery, search: Search | None) -> AnySelect:
    """The largest groups, with the names of what they refer to, and the numbers of all."""
    is_deleted, access = query.deleted == "only", row_access(rows.session.context)
    visible = choose_visible(rows.model, select(rows.table), deleted=is_deleted)
    readable = visible.where(*access.conditions(rows.table, deleted=is_deleted))
    chosen = filter_rows(rows.table, query, readable, access)
    if search is not None:
        chosen = chosen.where(search.condition)
    joined, columns = join_members(rows.table, query, access)
    count = func.count()
    total = func.sum(count).over() if joined is rows.table else count_once(rows.table, chosen)
    counted = chosen.select_from(joined).with_only_columns(
        *columns,
        count.label(COUNT),
        *(func.sum(rows.table.c[name]).label(f"{name}_sum") for name in query.sums),
        cast(total, BigInteger).label(TOTAL),
        cast(func.count().over(), BigInteger).label(GROUPS),
    )
    largest = counted.group_by(*columns).order_by(count.desc(), *columns).limit(bindparam("limit")).subquery()
    return name_groups(query, largest, access)


def join_members(table: Table, query: GroupQuery, access: RowAccess) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """`table`, joined with the members of sets that it is counted by; and the columns that it is counted by."""
    joined: FromClause = table
    columns = dict[str, ColumnElement[Any]](table.c.items())
    for name, links in sets_by_key(type(query)).items():
        if name in query.dimensions:
            members, columns[name], owner = visible_members(links, access)
            joined = joined.outerjoin(members, owner == table.c.id)
    return joined, [columns[name] for name in query.dimensions]


def count_once(table: Table, chosen: AnySelect) -> ScalarSelect[int]:
    """The number of chosen rows: one that has several members is in several groups."""
    return select(func.count()).select_from(chosen.with_only_columns(table.c.id).subquery()).scalar_subquery()


def name_groups(query: GroupQuery, groups: Subquery, access: RowAccess) -> AnySelect:
    """`groups`, with the names of what they refer to, as far as the caller may read it."""
    named, joined = list[ColumnElement[Any]](groups.c), groups
    for name in query.dimensions:
        if (target := refers_to(type(query), name)) is not None:
            rows = target.alias()
            readable = access.conditions(target, rows)
            joined = joined.outerjoin(rows, and_(rows.c.id == groups.c[name], *readable))  # type: ignore[assignment]  # a join
            named.append(name_column(target, rows).label(f"{reference_name(name)}_name"))
    return select(*named).select_from(joined).order_by(groups.c[COUNT].desc(), *(groups.c[n] for n in query.dimensions))


def to_group(query: GroupQuery, row: AnyRow) -> dict[str, Any]:
    """A group with its references as objects."""
    return {**empty_group(type(query)), COUNT: row._mapping[COUNT], **dict(values_of(query, row._mapping))}


@cache
def empty_group(kind: type[GroupQuery]) -> dict[str, None]:
    """The fields of every group of a list, without a value."""
    names = groupable(kind)
    return dict.fromkeys([*names, *map(reference_name, names), *(f"{name}_sum" for name in kind.measures)])


def values_of(query: GroupQuery, row: Any) -> Iterator[tuple[str, Any]]:
    for name in query.dimensions:
        yield name, row[name]
        if refers_to(type(query), name) is not None:
            shown = reference_name(name)
            called = row[f"{shown}_name"]
            yield shown, None if called is None else {"id": row[name], "name": called}
    for name in query.sums:
        total = row[f"{name}_sum"]
        if currency := query.currencies.get(name):
            code = row[currency] if currency in query.dimensions else getattr(query, currency)[0]
            places = decimal_places_of(code)
            total = None if total is None else show_amount(total, USUAL_PLACES if places is None else places)
        yield f"{name}_sum", total
