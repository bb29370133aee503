"""Security events: they make every process forget cached permissions. Numbered in the order of commits."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import func, insert, select, update

from app.core.clock import new_id, now
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.modules.rbac.models import SecurityEvent, SecurityState

CHANNEL = "attest_security"
EVERYBODY = None

events, state = table_of(SecurityEvent), table_of(SecurityState)


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
    await session.run(update(state).values(sequence=state.c.sequence + len(known)))
    last = int((await session.run(select(state.c.sequence))).scalar_one())
    first = last - len(known) + 1
    rows = [
        {"id": new_id(), "sequence": first + index, "at": now(), "subject_id": subject}
        for index, subject in enumerate(known)
    ]
    await session.run(insert(events), rows)
    if not session.is_sqlite:
        await session.run(select(func.pg_notify(CHANNEL, str(last))))
    return last
