"""Full-text search: every word of `q` begins a word of one of the fields, ignoring case, on every database.

PostgreSQL uses a full-text index (GIN, no extension needed); SQLite scans the list in its order and stops at
the end of the page.
"""

import re
from collections.abc import Sequence
from functools import reduce
from operator import add

from sqlalchemy import CTE, ColumnElement, Index, String, Table, and_, false, func, literal_column, not_, select, text

from app.core.db.keyset import Limit, Range
from app.core.db.session import AnySelect

BETWEEN_WORDS = re.compile(r"[\W_]+")
PUNCTUATION = r"[\s!-/:-@[-`{-~]+"
"""Replaced by a space before PostgreSQL parses a text: its parser would read `-12` as a number and `a/b` as a path. It
splits other text as `words_of` does."""
INFO = "searches"
NEARBY = 1000
"""A search looks through so many rows in the order of the list before it reads the search index."""


def search_index(table: str, *fields: str) -> Index:
    """The fields of `table` that `q` searches; on PostgreSQL also the index for them."""
    return Index(
        f"ix_{table}_search_{'_'.join(fields)}",
        text(search_vector(fields)),
        postgresql_using="gin",
        info={INFO: fields},
    ).ddl_if(dialect="postgresql")


def search_vector(fields: Sequence[str]) -> str:
    """The indexed expression. A query must repeat it exactly."""
    joined = " || ' ' || ".join(f"coalesce({field}, '')" for field in fields)
    return f"to_tsvector('simple', regexp_replace(lower({joined}), '{PUNCTUATION}', ' ', 'g'))"


def words_of(q: str) -> list[str]:
    """The words of `q` in lower case."""
    return [word for word in BETWEEN_WORDS.split(q.lower()) if word]


def normalize_words(value: str | None) -> str:
    """The words of `value`, each after one space. SQLite calls it as `words()`."""
    return " " + " ".join(words_of(value or ""))


def search_fields(table: Table) -> Sequence[str]:
    """The fields that `q` searches."""
    return next((index.info[INFO] for index in table.indexes if INFO in index.info), ())


def matches_search(table: Table, q: str, *, is_sqlite: bool) -> ColumnElement[bool]:
    """True for the rows that match `q`. Raises LookupError for a table without a search index."""
    fields, words = search_fields(table), words_of(q)
    if not fields:
        raise LookupError(f"{table.name} has no search index")
    if not words:
        return false()
    if is_sqlite:
        parts = [func.words(table.c[field], type_=String()) for field in fields]
        return and_(*(func.instr(reduce(add, parts), f" {word}") > 0 for word in words))
    query = " & ".join(f"'{word}':*" for word in words)
    vector: ColumnElement[object] = literal_column(search_vector([f'"{table.name}".{field}' for field in fields]))
    return vector.bool_op("@@")(func.to_tsquery(literal_column("'simple'"), query))


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
