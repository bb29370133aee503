"""Unique values, checked by reading: the rows of a file against those that are stored, and against each other."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import zip_longest
from operator import eq

from sqlalchemy import ColumnElement, Table, UniqueConstraint, and_, or_, select
from sqlmodel import SQLModel

from app.core.db.folded import Folding
from app.core.db.integrity import already_exists
from app.core.db.session import AnySelect, ReadSession

INFO = "unique_key"
Values = tuple[object, ...]


@dataclass(frozen=True)
class UniqueKey:
    """Columns of which no two rows have the same values. Null is no value."""

    columns: tuple[str, ...]
    folding: Folding | None = None
    """What the last of them has of a field: its folded form. Then only visible rows are compared."""
    alone: str | None = None
    """Only rows without a value in this column are compared."""

    @property
    def fields(self) -> list[str]:
        """The fields that a client must change."""
        return [self.folding.source] if self.folding else list(self.columns)

    @property
    def sources(self) -> frozenset[str]:
        """The fields of a row that decide whether it has the key, and which values."""
        *scope, last = self.columns
        names = (*scope, self.folding.source if self.folding else last, self.alone)
        return frozenset(name for name in names if name)

    def of(self, row: object) -> Values | None:
        """The values of `row`; None where it takes none."""
        if self.alone is not None and getattr(row, self.alone) is not None:
            return None
        values = [
            self.folding.of(getattr(row, self.folding.source))
            if self.folding is not None and name == self.columns[-1]
            else getattr(row, name)
            for name in self.columns
        ]
        return None if None in values else tuple(values)

    def select(self, table: Table, values: Sequence[Values]) -> AnySelect:
        """Those of `values` that stored rows have."""
        columns: list[ColumnElement[object]] = [table.c[name] for name in self.columns]
        groups: dict[Values, list[object]] = defaultdict(list)
        for *scope, last in values:
            groups[tuple(scope)].append(last)
        # one range of the index for each scope: SQLite would use only the first column of a tuple
        matches = [and_(*map(eq, columns, scope), columns[-1].in_(found)) for scope, found in groups.items()]
        statement = select(*columns).where(or_(*matches))
        if self.folding is not None:
            statement = statement.where(table.c.deleted_at.is_(None))
        return statement.where(table.c[self.alone].is_(None)) if self.alone is not None else statement


def unique_keys(table: Table) -> list[UniqueKey]:
    """What is unique in `table`, its identifiers aside: `unique_index` and constraints."""
    indexes = [index.info[INFO] for index in table.indexes if INFO in index.info]
    constraints = [
        UniqueKey(tuple(column.name for column in constraint.columns))
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    return indexes + constraints


class SeenKeys:
    """The unique values that the rows of a file took so far, and those that they gave up.

    They are digests in a temporary database: a file can have more than memory has.
    """

    def __init__(self) -> None:
        self.connection = sqlite3.connect("")
        for table in ("seen", "freed"):
            self.connection.execute(f"CREATE TABLE {table} (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    @contextmanager
    def forget_on_error(self) -> Iterator[None]:
        """Forget what the block adds if it raises."""
        with self.connection:
            yield

    def add(self, values: Mapping[UniqueKey, Sequence[Values]]) -> None:
        """Add `values`. Raises AlreadyExists where one of them is there."""
        for key, taken in values.items():
            digests = [(digest_of(key, each),) for each in taken]
            try:
                self.connection.executemany("INSERT INTO seen VALUES (?)", digests)
            except sqlite3.IntegrityError as error:
                raise already_exists(key.fields) from error

    def free(self, key: UniqueKey, values: Iterable[Values]) -> None:
        """Note `values` that stored rows will not have any more."""
        digests = [(digest_of(key, each),) for each in values]
        self.connection.executemany("INSERT OR IGNORE INTO freed VALUES (?)", digests)

    def has_taken(self, key: UniqueKey, values: Values) -> bool:
        """Whether a row took these values."""
        found = self.connection.execute("SELECT 1 FROM seen WHERE digest = ?", (digest_of(key, values),))
        return found.fetchone() is not None

    def has_freed(self, key: UniqueKey, values: Values) -> bool:
        """Whether the stored row that has these values gave them up."""
        found = self.connection.execute("SELECT 1 FROM freed WHERE digest = ?", (digest_of(key, values),))
        return found.fetchone() is not None

    def close(self) -> None:
        self.connection.close()


def digest_of(key: UniqueKey, values: Values) -> bytes:
    return blake2b(repr((key, values)).encode(), digest_size=16).digest()


async def check_unique(
    session: ReadSession, table: Table, rows: Sequence[SQLModel], seen: SeenKeys, before: Sequence[SQLModel] = ()
) -> None:
    """Raise AlreadyExists where a stored row, an earlier row of the file or another of `rows` has a unique value too.

    `seen` has the values of the earlier rows, and afterwards those of `rows`. `before` are the rows as they are stored,
    where they are: a value that a row keeps is not looked for, and one that an earlier row gave up is free.
    """
    pairs = list(zip_longest(rows, before))
    values = {
        key: [own for row, old in pairs if (own := key.of(row)) not in (None, old and key.of(old))]
        for key in unique_keys(table)
    }
    for key, taken in values.items():
        stored = await session.all(key.select(table, taken)) if taken else ()
        if not all(seen.has_freed(key, tuple(each)) for each in stored):
            raise already_exists(key.fields)
    seen.add(values)
    for key in values:
        olds = ((row, key.of(old)) for row, old in pairs if old is not None)
        seen.free(key, (old for row, old in olds if old is not None and old != key.of(row)))
