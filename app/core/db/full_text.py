"""Full-text search: every word of `q` begins a word of one of the fields, ignoring case, on every database.

PostgreSQL uses a full-text index (GIN, no extension needed); SQLite scans the list in its order and stops at
the end of the page.
"""

import re
from collections.abc import Sequence
from functools import reduce
from operator import add

from sqlalchemy import CTE, ColumnElement, Index, String, Table, and_, false, func, or_, select, text

from app.core.db.session import AnySelect

BETWEEN_WORDS = re.compile(r"[\W_]+")
PUNCTUATION = r"[\s!-/:-@[-`{-~]+"
"""Replaced by a space before PostgreSQL parses a text: its parser would read `-12` as a number and `a/b` as a path. It
splits other text as `words_of` does."""
INFO = "searches"
MAX_HITS = 2000
"""Up to so many rows that match are read and sorted; where more match, a page is near in the order of the list."""


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
    qualified = search_vector([f'"{table.name}".{field}' for field in fields])
    return text(f"{qualified} @@ to_tsquery('simple', :q)").bindparams(q=query)  # type: ignore[return-value]


def search_ranges(table: Table, statement: AnySelect, conditions: Sequence[ColumnElement[bool]]) -> list[AnySelect]:
    """Selects of the rows of `statement`, which has a `matches_search`, in the ranges of `conditions`, for PostgreSQL.

    For each range there are two, of which one is empty: the few rows that match, and a walk that finds many.
    """
    hits = materialize(select(matching_ids(table, statement.where(or_(*conditions)))).limit(MAX_HITS + 1))
    count = select(func.count()).select_from(hits).scalar_subquery()
    hit = table.c.id.in_(select(hits.c.id))
    few = [select(materialize(statement.where(condition, hit, count <= MAX_HITS))) for condition in conditions]
    return [*few, *(statement.where(condition, count > MAX_HITS) for condition in conditions)]


def matching_ids(table: Table, statement: AnySelect) -> CTE:
    """The ids of the rows of `statement`, from the search index, read as far as they are asked for.

    PostgreSQL guesses how many rows match. If it knew that a few are enough, it would walk the list until it has them:
    through the whole table where little matches.
    """
    return materialize(statement.with_only_columns(table.c.id, maintain_column_froms=True))


def materialize(statement: AnySelect) -> CTE:
    """Make `statement` a part that PostgreSQL plans for itself, whatever is wanted of it."""
    return statement.cte().prefix_with("MATERIALIZED")
