"""Queries for changes of a field or of an action, which no index of the change log has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.sql.visitors import replacement_traverse

from app.core.db.column_types import Instant
from app.core.db.full_text import materialize
from app.core.db.keyset import Limit, Range
from app.core.db.page_selects import Finder
from app.core.db.pagination import PageQuery
from app.core.db.session import AnySelect
from app.core.db.snapshots import SnapshotText
from app.modules.audit.pieces.repository import PiecewiseRepository
from app.modules.audit.repository import ChangeRepository, audited_modules, belongs_to
from app.modules.audit.rollups.counting import change_hours
from app.modules.audit.schemas import MAX_NUMBER, ChangeQuery
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.order import SYSTEM
from app.modules.audit.sealer.store import seals

AFTER = bindparam("after_at", type_=Instant)
"""The time of the entry before a page."""
RARE_ACTIONS = frozenset({"delete", "restore"})


@dataclass(frozen=True, slots=True)
class ChangesByHour(Finder):
    """The changes of a field, or of an action, in a window, by their time: sealed ones hour by hour, others beside.

    Hours do not overlap, so that a page ends with the hour that completes it. Of rare changes an hour is a moment.
    """

    is_reusable: ClassVar[bool] = True

    log: Table
    parameter: str
    """The query parameter that asks for them, of those that the roll-up has."""
    value: str
    has_entity: bool
    """Whether there is a filter for the table."""
    modules: tuple[frozenset[str], ...]
    """Sets of modules: the entries are of one in each."""
    is_first: bool
    """Whether the page is the first."""
    is_sqlite: bool

    def parts(self, each: Range, rows: AnySelect, wanted: Limit) -> list[AnySelect]:
        first_open, last_open = select_open(is_sqlite=self.is_sqlite)
        # PostgreSQL takes a range with two bounds for a short one, which it looks up in the index.
        is_open = (self.log.c.id if self.is_sqlite else self.log.c.xid).between(first_open, last_open)
        sealed = self.select_sealed(each, rows.where(is_open.is_not(true())), wanted)
        others = each.choose(rows)
        found = (
            sealed.where(first_open.is_not(None)),
            read_from(materialize(select(self.log).where(is_open)), self.log, others),
            others.where(first_open.is_(None)),
        )
        return [select(each.sort(part, wanted).subquery()) for part in found]

    def select_sealed(self, each: Range, rows: AnySelect, wanted: Limit) -> AnySelect:
        """Those of `rows` that the roll-up knows, ordered by their hours. PostgreSQL reads the first of each hour."""
        descends = each.ordering[0][1]
        rows = rows.where(*self.conditions_in_hour(each, descends=descends))
        if not self.is_sqlite:
            firsts = each.sort(rows.correlate(change_hours), wanted).lateral("firsts")
            rows = select(firsts).select_from(change_hours.join(firsts, true()))
        hour = change_hours.c.hour
        return rows.where(*self.conditions(descends=descends)).order_by(hour.desc() if descends else hour)

    def conditions_in_hour(self, each: Range, *, descends: bool) -> Iterator[ColumnElement[bool]]:
        """What the entries of an hour meet. Their index is that of the time, so that others must not know the rest.

        By a comparison of rows, PostgreSQL would begin there instead of in the hour.
        """
        at = self.log.c.at
        yield at.between(change_hours.c.first_at, change_hours.c.last_at)
        yield (self.log.c.entity == change_hours.c.entity).is_(true())
        if not self.is_first:
            yield at <= AFTER if descends else at >= AFTER
            yield each.condition.is_(true())

    def conditions(self, *, descends: bool) -> Iterator[ColumnElement[bool]]:
        """What the hours meet: that the page may reach into them, and that the caller may read their entries."""
        columns = change_hours.c
        yield columns.parameter == self.parameter
        yield columns.value == self.value
        yield columns.hour >= bindparam("start_hour", type_=Instant)
        yield columns.hour < bindparam("end", type_=Instant)
        if not self.is_first:
            yield columns.hour <= AFTER if descends else columns.last_at >= AFTER
        if self.has_entity:
            yield columns.entity == bindparam("filter_entity", type_=columns.entity.type)
        for modules in self.modules:
            yield belongs_to(change_hours, modules)

    def matches(self, ids: AnySelect) -> AnySelect:
        return ids


def select_open(*, is_sqlite: bool) -> tuple[ColumnElement[int | None], ColumnElement[int]]:
    """The first and the last transaction whose entries may be unsealed; on SQLite, such numbers of entries.

    The first is null where it is not known: before the first seal, while an epoch begins, and after a dump was restored
    into another system. Entries of that dump can have numbers beyond the last.
    """
    sealed, is_of_log = seals.c.sealed_snapshot, seals.c.log == Log.changes.value
    if is_sqlite:
        following = cast_to(sealed, BigInteger) + 1
        return select(following).where(is_of_log).scalar_subquery(), literal_column(str(MAX_NUMBER), BigInteger())
    oldest = to_number(func.pg_snapshot_xmin(cast_to(sealed, SnapshotText)))
    is_of_system = func.split_part(seals.c.cluster, "/", 1) == SYSTEM
    following = to_number(func.pg_snapshot_xmax(func.pg_current_snapshot()))
    return select(oldest).where(is_of_log, is_of_system).scalar_subquery(), following


def to_number(transaction: ColumnElement[Any]) -> ColumnElement[int]:
    """A transaction id of PostgreSQL as the logs store it."""
    return cast_to(cast_to(transaction, Text), BigInteger)


def read_from(some: CTE, table: Table, statement: AnySelect) -> AnySelect:
    """`statement` with `some` rows of `table` in its place."""

    def replace(element: object, **_: Any) -> object:
        if isinstance(element, Column) and element.table is table:
            return some.c[element.name]
        return some if element is table else None

    return cast("AnySelect", replacement_traverse(statement, {}, replace))


def find_rarest(query: ChangeQuery) -> tuple[str, str] | None:
    """The parameter, with its value, by whose hours a list is read: few changes hide a row or bring one back."""
    if query.action and (query.action in RARE_ACTIONS or not query.field):
        return "action", query.action
    return ("field", query.field) if query.field else None


class HourlyChangeRepository(PiecewiseRepository, ChangeRepository):
    """The change log, in which lists of the changes of a field or an action are read by the hours that have some."""

    def finder_of(self, query: PageQuery) -> Finder | None:
        rarest = find_rarest(query) if isinstance(query, ChangeQuery) else None
        is_by_time = query.sort_fields()[0][0] == "at"
        if self.is_piecewise or not isinstance(query, ChangeQuery) or rarest is None or not is_by_time:
            return super().finder_of(query)
        is_sqlite, asked = self.session.is_sqlite, frozenset({query.module}) if query.module else None
        modules = tuple(each for each in (audited_modules(self.session), asked) if each is not None)
        is_one_by_one = query.needs_window(is_partial=False)
        if not is_one_by_one or (is_sqlite and (query.entity or modules)):
            return super().finder_of(query)  # SQLite would look through all changes of a table for each hour
        return ChangesByHour(self.table, *rarest, bool(query.entity), modules, not query.cursor, is_sqlite)
