"""What a query asks about: the columns by which it chooses, sorts, searches, counts and adds up rows.

An answer to a question about a column tells its values, whether they are shown or not.
"""

from collections.abc import Iterator

from sqlalchemy import Table

from app.core.db.declared_filters import read_name
from app.core.db.derived import derivations
from app.core.db.field_access import FieldAccess
from app.core.db.filter_query import EntityFilterQuery, FilterQuery
from app.core.db.filters import given_filters
from app.core.db.full_text import COLUMN
from app.core.db.group_query import GroupQuery
from app.core.db.pagination import PageQuery


def asked_columns(table: Table, query: FilterQuery) -> Iterator[tuple[str, str]]:
    """Pairs of (parameter, column)."""
    for name in given_filters(query):
        yield name, read_name(table, name).column
    if isinstance(query, EntityFilterQuery) and query.q:
        yield from (("q", name) for name in sorted(derivations(table)[COLUMN].sources))
    if isinstance(query, PageQuery):
        yield from (("sort", name) for name, _ in query.sort_fields())
    if isinstance(query, GroupQuery):
        yield from (("by", name) for name in query.dimensions)
        yield from (("sum", name) for name in query.sums)


def check_asked(fields: FieldAccess, table: Table, query: FilterQuery) -> None:
    """Raise Forbidden for a query about a column that the caller may not read in all rows that the caller reads."""
    if fields.mask.columns:
        for parameter, column in asked_columns(table, query):
            fields.check_reading([column], f"/query/{parameter}")
