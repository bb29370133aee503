"""The order of entries: that of their commits, found by comparing what two snapshots of the database show.

Numbers are given before the commit, so that an entry can appear behind others with higher numbers. A tick seals what is
visible now and was not at the last tick, in the order of numbers. An entry of a change that was made after another one
was visible therefore stands behind it.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

from sqlalchemy import ColumnElement, Text, cast, column, func, null, or_, select

from app.core.db.session import AnySelect
from app.modules.audit.repository import place_of
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditSeal

SYSTEM = select(cast(column("system_identifier"), Text)).select_from(func.pg_control_system()).scalar_subquery()
TIMELINE = func.left(func.pg_walfile_name(func.pg_current_wal_lsn()), 8)
CLUSTER = SYSTEM + "/" + TIMELINE
"""Another database system, or another history of it: transactions that were committed may be missing in it."""


class Snapshot(NamedTuple):
    """What `pg_current_snapshot()` tells: which transactions of a database its statements see."""

    end: int
    """The first transaction that had not begun."""
    running: tuple[int, ...]
    """Transactions before it that had not ended."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xmin:xmax:xip,xip`."""
        _, end, running = text.split(":")
        return cls(int(end), tuple(map(int, running.split(","))) if running else ())

    def sees(self, xid: int) -> bool:
        """Whether what the transaction wrote is visible, if it was committed."""
        return xid < self.end and xid not in self.running


class Order(Protocol):
    """How a database tells the order of commits."""

    def select_position(self, log: Log) -> AnySelect:
        """A select of the present `position` of a log, the `highest` number of an entry, and the `cluster`."""

    def conditions(self, log: Log, sealed: str | None, target: str) -> Iterator[ColumnElement[bool]]:
        """What the entries meet that are visible at the position `target`, and were not when `sealed` was sealed.

        Without `sealed`, which is where an epoch begins: what is in no run.
        """

    def select_waiting(self, log: Log, seal: AuditSeal, position: str) -> Iterator[AnySelect]:
        """Selects of when entries were stored that are visible at `position` and not sealed: a first one each.

        They are one step in an index, however many entries wait.
        """


class SnapshotOrder:
    """The order on PostgreSQL, by snapshots.

    An epoch begins with everything that is there, up to the highest number: the transactions of a database that was
    restored from a dump do not count on from those of its entries. Their numbers may coincide with newer ones, so an
    entry that is sealed is not sealed again, whatever its transaction.
    """

    def select_position(self, log: Log) -> AnySelect:
        number = log.table.c.id
        return select(
            cast(func.pg_current_snapshot(), Text).label("position"),
            select(func.coalesce(func.max(number), 0)).scalar_subquery().label("highest"),
            CLUSTER.label("cluster"),
        )

    def conditions(self, log: Log, sealed: str | None, target: str) -> Iterator[ColumnElement[bool]]:
        xid, visible = log.table.c.xid, Snapshot.parse(target)
        yield place_of(log.table.c.id, log).is_(None)
        if visible.running:
            yield or_(xid.is_(None), xid.not_in(visible.running))
        if sealed is not None:
            seen = Snapshot.parse(sealed)
            yield or_(xid >= seen.end, xid.in_(seen.running)) if seen.running else xid >= seen.end
            yield xid < visible.end

    def select_waiting(self, log: Log, seal: AuditSeal, position: str) -> Iterator[AnySelect]:
        xid, seen = log.table.c.xid, Snapshot.parse(str(seal.sealed_snapshot))
        stored = select(log.table.c.stored_at).order_by(xid).limit(1)
        yield stored.where(*self.conditions(log, f"{seen.end}:{seen.end}:", position))
        if seen.running:
            yield stored.where(xid.in_(seen.running), *self.conditions(log, None, position))


class NumberOrder:
    """The order on SQLite, whose one writer gives numbers in the order of commits."""

    def select_position(self, log: Log) -> AnySelect:
        highest = func.coalesce(func.max(log.table.c.id), 0)
        return select(cast(highest, Text).label("position"), highest.label("highest"), null().label("cluster"))

    def conditions(self, log: Log, sealed: str | None, target: str) -> Iterator[ColumnElement[bool]]:
        number = log.table.c.id
        yield place_of(number, log).is_(None) if sealed is None else number > int(sealed)
        yield number <= int(target)

    def select_waiting(self, log: Log, seal: AuditSeal, position: str) -> Iterator[AnySelect]:
        sealed = max(int(str(seal.sealed_snapshot)), seal.after_id)
        stored = select(log.table.c.stored_at).order_by(log.table.c.id).limit(1)
        yield stored.where(*self.conditions(log, str(sealed), position))


def order_of(*, is_sqlite: bool) -> Order:
    """The order of a kind of database."""
    return NumberOrder() if is_sqlite else SnapshotOrder()
