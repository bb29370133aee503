"""Pruning of the positions of spool files."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from app.core.clock import now
from app.core.db.column_types import DatabaseClock
from app.core.db.entity import table_of
from app.core.db.pruning import PruneRule, delete_rows
from app.core.db.session import Session
from app.modules.audit.requests.models import AuditSpool
from app.modules.audit.requests.spool import SUFFIX

spool_table = table_of(AuditSpool)


def old_positions(folder: Path, age: timedelta) -> PruneRule:
    """Positions that have not moved for `age`. Those of files that are in `folder` are renewed instead.

    A file without its position would be shipped again from its beginning, so the position of a quiet process stays.
    """

    async def remove(session: Session, limit: int) -> int:
        at, moved = now(), spool_table.c.at
        present = await asyncio.to_thread(spool_ids, folder)
        quiet = update(spool_table).where(spool_table.c.id.in_(present), moved < at - age / 2)
        await session.execute(quiet.values(at=DatabaseClock()))
        return await delete_rows(session, spool_table, moved < at - age, limit)

    return PruneRule(spool_table.name, remove)


def spool_ids(folder: Path) -> list[str]:
    """The ids of the spool files in `folder`, those of other processes too."""
    return [path.stem for path in folder.glob(f"*{SUFFIX}")]
