"""Security events: they make every process forget cached permissions. Numbered in the order of commits."""

from collections.abc import Iterable, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Executable, Integer, Text, bindparam, cast, func, insert, update

from app.core.clock import new_id, now
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.modules.rbac.models import SecurityEvent, SecurityState

CHANNEL = "attest_security"
EVERYBODY = None

events, state = table_of(SecurityEvent), table_of(SecurityState)
ADD = insert(events)


def install(database: Database) -> None:
    """Write an event in every transaction that alters what a credential permits; on PostgreSQL also notify at once."""
    database.hooks.before_write.append(collect_subjects)
    database.hooks.before_commit.append(write_events_of)


async def collect_subjects(session: Session, changes: Sequence[Change]) -> None:
    """Remember whose access `changes` affect."""
    for change in changes:
        row = change.row
        if isinstance(row, Entity) and change.alters(row.affects_access):
            subject = getattr(row, row.access_subject) if row.access_subject else EVERYBODY
            session.info.setdefault("security_subjects", set()).add(subject)


async def write_events_of(session: Session) -> None:
    """Write the events of the transaction."""
    if subjects := session.info.pop("security_subjects", None):
        session.info["security_events"] = (await write_events(session, subjects), frozenset(subjects))


async def write_events(session: Session, subjects: Iterable[UUID | None]) -> int:
    """Add one event for each subject and return the last number. Numbers follow the order of commits, without gaps."""
    known = list(subjects)
    counted = await session.run(count_events(is_sqlite=session.is_sqlite), {"number": len(known)})
    last = int(counted.scalars().one())
    first = last - len(known) + 1
    rows = [
        {"id": new_id(), "sequence": first + index, "at": now(), "subject_id": subject}
        for index, subject in enumerate(known)
    ]
    await session.run(ADD, rows)
    return last


@cache
def count_events(*, is_sqlite: bool) -> Executable:
    """A statement that counts `number` events and returns the last number; PostgreSQL tells it to listeners, too."""
    count = update(state).values(sequence=state.c.sequence + bindparam("number", type_=Integer))
    if is_sqlite:
        return count.returning(state.c.sequence)
    return count.returning(state.c.sequence, func.pg_notify(CHANNEL, cast(state.c.sequence, Text)))
