"""Full-text search: every word of `q` begins a word of one of the fields, ignoring case, on every database.

What a database takes for a word depends on its version and its locale, so the words are made here: a column derived
from the fields has them. PostgreSQL has an index of it (GIN, no extension needed); SQLite scans the list in its order
and stops at the end of the page.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import CTE, Column, ColumnElement, Index, String, Table, and_, cast, false, func, literal, not_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from app.core.db.column_types import Words
from app.core.db.derived import derive_from
from app.core.db.keyset import Limit, Range
from app.core.db.session import AnySelect
from app.core.fields.words import words_of

INFO = "searches"
COLUMN = "search_words"
NEARBY = 1000
"""A search looks through so many rows in the order of the list before it reads the search index."""


def search_index(table: str, *fields: str) -> "Column[Any]":
    """The column with the words of the fields that `q` searches; on PostgreSQL also the index of it."""
    column: Column[Any] = Column(
        COLUMN, Words(), info=derive_from(partial(words_of_fields, fields), fields, is_exact=True)
    )
    name = f"ix_{table}_search_{'_'.join(fields)}"
    Index(name, column, postgresql_using="gin", info={INFO: fields}).ddl_if(dialect="postgresql")
    return column


def words_of_fields(fields: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """The words of these fields of a row."""
    return words_of(" ".join(values[field] or "" for field in fields))


def matches_search(table: Table, q: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """True for the rows that match `q`. Raises LookupError for a table without a search index."""
    if COLUMN not in table.c:
        raise LookupError(f"{table.name} has no search index")
    column, words = table.c[COLUMN], words_of(q)
    if not words:
        return false()
    if is_sqlite:
        return and_(*(func.instr(column, f" {word}") > 0 for word in words))
    query = " & ".join(f"'{word}':*" for word in words)
    return column.bool_op("@@")(cast(literal(query, String()), TSQUERY))


def search_parts(each: Range, rows: AnySelect, match: ColumnElement[bool], wanted: Limit) -> list[AnySelect]:
    """Two selects, one of them empty, that together have the first `wanted` of `rows` that match, for PostgreSQL.

    Many matches are near the beginning of the range. Otherwise they come from the search index, and are sorted.
    """
    nearest = each.sort(rows.add_columns(match.label("is_match")), NEARBY).subquery()
    columns = [column for column in nearest.c if column.name != "is_match"]
    walk = materialize(each.sort(select(*columns).where(nearest.c.is_match), wanted))
    is_enough = select(func.count()).select_from(walk).scalar_subquery() >= wanted
    keys = [column for column, _ in each.ordering]
    matches = materialize(rows.with_only_columns(*keys, maintain_column_froms=True).where(match, not_(is_enough)))
    first = materialize(each.sort(select(matches), wanted))
    return [select(walk).where(is_enough), rows.where(keys[-1].in_(select(first.c[keys[-1].name])))]


def matching_ids(ids: AnySelect, match: ColumnElement[bool]) -> CTE:
    """Those of `ids` that match, from the search index, read as far as they are asked for.

    PostgreSQL guesses how many rows match. If it knew that a few are enough, it would walk the list until it has them:
    through the whole table where little matches.
    """
    return materialize(ids.where(match))


def materialize(statement: AnySelect) -> CTE:
    """Make `statement` a part that PostgreSQL plans for itself, whatever is wanted of it."""
    return statement.cte().prefix_with("MATERIALIZED")
