"""The commands that write changes, with their change entries.

PostgreSQL takes a few rows and their entries in one command. Otherwise there is a command for each run of rows of the
same form, and one for the entries.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Executable, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from sqlmodel import SQLModel

from app.core.db.driver.shapes import SHAPES, as_database_error
from app.core.db.unit_of_work.change import Change, key_columns, update_defaults
from app.core.db.unit_of_work.claims import Claim, ClaimForm
from app.core.db.unit_of_work.write_statements import (
    EntryForm,
    Form,
    write_entries,
    write_or_fail,
    write_row,
    write_together,
)

AT_ONCE = 8
"""The most rows that are written in one command with their entries."""


class Command(NamedTuple):
    """A statement with the values of one row or several."""

    sql: str
    rows: Sequence[Sequence[Any]]
    expected: int | None
    """The number of rows that it must write; None where it fails by itself."""
    tables: str
    is_whole: bool = False
    """Whether it is all that must be written, with the claims: then it needs no transaction around it."""
    changes: Sequence[Change] = ()
    """What it writes, where the database does not say which of it has failed."""


class Origin(NamedTuple):
    """Where values of a statement that follow each other come from: one side of one change or claim."""

    source: int
    side: str
    take: Callable[[Any], Sequence[Any]]
    """Takes the values of its columns from that side, and that of the first once more."""
    processors: Sequence[tuple[int, Callable[[Any], Any]]]
    """What makes values for the driver of those at some places."""


class Statement:
    """A compiled statement, and where its values come from."""

    def __init__(self, statement: Any, forms: Sequence[Form | ClaimForm | EntryForm], dialect: Dialect) -> None:
        self.tables = ", ".join(sorted({form.table.name for form in forms}))
        compiled = statement.compile(dialect=dialect)
        self.dialect = dialect
        self.sql: str = compiled.string
        processors = compiled._bind_processors  # noqa: SLF001
        self.origins: list[Origin] = []
        for (side, index), group in groupby(compiled.positiontup, lambda name: name.split("_", 2)[:2]):
            names = list(group)
            columns = [name.split("_", 2)[2] for name in names]
            used = [(place, processors[name]) for place, name in enumerate(names) if name in processors]
            self.origins.append(Origin(int(index), side, itemgetter(*columns, columns[0]), used))

    def bind(self, sources: Sequence[Change | Claim]) -> list[Any]:
        """The values of changes and claims. Raises StatementError for one of another type."""
        bound: list[Any] = []
        try:
            for source, side, take, processors in self.origins:
                *values, _ = take(getattr(sources[source], side))
                for place, process in processors:
                    if values[place] is not None:
                        values[place] = process(values[place])
                bound += values
            return bound
        except Exception as error:
            raise as_database_error(error, self.sql, self.dialect) from error


class Writes:
    """Makes commands of changes. It compiles one statement for each form."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.counts_rows = dialect.name == "sqlite"
        self.known: LRUCache[Any, Statement] = LRUCache(SHAPES)

    def commands(self, changes: Sequence[Change], claims: Sequence[Claim], entry: EntryForm) -> list[Command]:
        """The commands that write `changes` and their entries. `claims` are checked by a command that is whole."""
        ordered = in_order(changes)
        is_many = self.counts_rows or len(ordered) > AT_ONCE
        forms = [] if is_many else [form_of(change) for change in ordered]
        if is_many or not have_one_action(forms):
            return list(self.separately(ordered, entry))
        recorded = tuple(index for index, change in enumerate(ordered) if change.entry is not None)
        claimed = [claim.form for claim in claims]
        build = partial(write_together, forms, claimed, entry, recorded)
        statement = self.statement((*forms, *claimed), recorded, build)
        return [Command(statement.sql, [statement.bind([*ordered, *claims])], None, statement.tables, is_whole=True)]

    def separately(self, changes: Sequence[Change], entry: EntryForm) -> Iterator[Command]:
        """A command for the entries, where a trigger may look for them, and one for each run of rows of a form."""
        recorded = [change for change in changes if change.entry is not None]
        if recorded:
            statement = self.statement((entry,), None, partial(write_entries, entry))
            yield Command(statement.sql, [statement.bind([change]) for change in recorded], None, statement.tables)
        for form, run in groupby(changes, form_of):
            build: Callable[[], Executable] = partial(write_row, form, is_sqlite=self.counts_rows)
            if form.can_miss and not self.counts_rows:
                build = partial(write_or_fail, form)
            statement = self.statement((form,), None, build)
            written = list(run)
            rows = [statement.bind([change]) for change in written]
            expected = len(rows) if form.can_miss and self.counts_rows else None
            yield Command(statement.sql, rows, expected, statement.tables, changes=written)

    def statement(
        self,
        forms: tuple[Form | ClaimForm | EntryForm, ...],
        recorded: tuple[int, ...] | None,
        build: Callable[[], Executable],
    ) -> Statement:
        """The compiled statement of the forms, with entries of the rows that are `recorded`."""
        known = self.known.get((forms, recorded))
        if known is None:
            known = self.known[forms, recorded] = Statement(build(), forms, self.dialect)
        found: Statement = known
        return found


def in_order(changes: Sequence[Change]) -> list[Change]:
    """Inserts and updates in the order of the tables, updates by id; then deletes in the reverse order."""
    if len(changes) == 1:
        return list(changes)
    places = places_of(frozenset(SQLModel.metadata.tables.values()))
    return sorted(changes, key=lambda change: order_of(change, places[change.table]))


@lru_cache(maxsize=4)
def places_of(tables: frozenset[Table]) -> dict[Table, int]:
    """The place of each table: after those that it refers to."""
    return {table: place for place, table in enumerate(SQLModel.metadata.sorted_tables) if table in tables}


def order_of(change: Change, place: int) -> tuple[Any, ...]:
    if change.action == "delete":
        return 1, -place
    if change.action == "create":
        return 0, place, 0
    return 0, place, 1, *(change.before[name] for name in key_columns(type(change.row)))


def form_of(change: Change) -> Form:
    table = change.table
    if change.action == "update":
        return Form(table, "update", tuple(sorted(change.fields | names_of_defaults(table))))
    is_replaced = change.action == "create" and getattr(change.row, "is_replaced", False)
    return form_of_all(table, "replace" if is_replaced else change.action)


@cache
def names_of_defaults(table: Table) -> frozenset[str]:
    return frozenset(name for name, _ in update_defaults(table))


@cache
def form_of_all(table: Table, action: str) -> Form:
    """The form of all rows of a table that are created, put in place of another, or deleted."""
    return Form(table, action, () if action == "delete" else tuple(column.name for column in table.columns))


def have_one_action(forms: Sequence[Form]) -> bool:
    """Whether no table is written in two ways: the parts of one statement run in no order, and unique values clash."""
    return len({(form.table, form.action) for form in forms}) == len({form.table for form in forms})
