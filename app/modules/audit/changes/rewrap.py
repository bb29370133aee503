"""Wraps the key of every person by the first master key, so that the others can go.

The walk follows the ids of the keys in small transactions, and tries every key, also those that are up to date. What a
crash interrupts is done by the next run. The keys of people stay the same, so the application goes on beside it.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.runtime.command_result import CommandResult
from app.core.security.keys import MasterKey
from app.modules.audit.changes.personal_data import unwrap, wrap
from app.modules.audit.models import AuditSubjectKey

BATCH = 500
PAUSE_SECONDS = 0.15
"""Between two batches: SQLite has one writer, and a process that waits looks for its turn every tenth of a second."""


@dataclass
class Tally:
    """How many keys were found and rewrapped; and how many cannot be opened, by the master key that they need."""

    found: int = 0
    rewrapped: int = 0
    unopened: Counter[str | None] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count what another tally has counted too."""
        self.found += other.found
        self.rewrapped += other.rewrapped
        self.unopened += other.unopened


async def rewrap(database: Database) -> CommandResult:
    """Wrap the keys of personal data by the first AUDIT__PERSONAL_KEY. Exit code 1 if one cannot be opened."""
    masters, tally, last = database.keys.personal, Tally(), UUID(int=0)
    while True:
        async with database.unit_of_work(RequestContext.for_job("rewrap")) as session:
            rows = await lock_batch(session, last)
            part = rewrap_rows(masters, rows)
        tally.add(part)
        if len(rows) < BATCH:
            return report(tally, masters)
        last = rows[-1].id
        if database.is_sqlite:
            await asyncio.sleep(PAUSE_SECONDS)


async def lock_batch(session: Session, last: UUID) -> Sequence[AuditSubjectKey]:
    """Lock and load the keys behind `last`, so that what is destroyed meanwhile stays destroyed."""
    number = col(AuditSubjectKey.id)
    statement = select(AuditSubjectKey).where(number > last).order_by(number).limit(BATCH).with_for_update()
    return (await session.execute(statement)).scalars().all()


def rewrap_rows(masters: Sequence[MasterKey], rows: Sequence[AuditSubjectKey]) -> Tally:
    """Open all of `rows`, and rewrap those that another master key than the first wrapped."""
    tally = Tally(len(rows))
    for row in rows:
        key = unwrap(masters, row)
        if key is None:
            tally.unopened[row.master_key_id] += 1
        elif row.master_key_id != masters[0].id:
            for column, value in wrap(masters[0], key).items():
                setattr(row, column, value)
            tally.rewrapped += 1
    return tally


def report(tally: Tally, masters: Sequence[MasterKey]) -> CommandResult:
    """What the command says: the master key in use, how many keys it wraps now, and which are missing."""
    lines = [f"Master key {masters[0].id}: {tally.rewrapped} of {tally.found} keys were rewrapped."]
    for needed, number in sorted(tally.unopened.items(), key=str):
        reason = "they were altered" if needed in {master.id for master in masters} else "AUDIT__PERSONAL_KEY lacks it"
        lines.append(f"Cannot be opened: {number} keys of master key {needed or 'unknown'}; {reason}.")
    return CommandResult(lines, 1 if tally.unopened else 0)
