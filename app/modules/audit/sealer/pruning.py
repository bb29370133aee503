"""Removes old checkpoints: any later one proves the same entries, so that few are worth keeping for ever."""

from datetime import timedelta

from sqlalchemy import exists, select

from app.core.clock import now
from app.core.db.append_only import Removal
from app.core.db.entity import table_of
from app.core.db.pruning import PruneRule
from app.core.db.session import Session
from app.modules.audit.seal.note import SIGNATURE_MARK
from app.modules.audit.sealer.models import AuditCheckpoint, AuditCosignature

checkpoints, cosignatures = table_of(AuditCheckpoint), table_of(AuditCosignature)
KEPT = 1000
"""Of so many checkpoints, one is kept."""
SIGNED_TWICE = f"%\n{SIGNATURE_MARK}%\n{SIGNATURE_MARK}%"


def old_checkpoints(age: timedelta) -> PruneRule:
    """Checkpoints of longer ago, with their cosignatures.

    Every thousandth is kept, and each that introduces a key, since it is what later ones are trusted by.
    """

    async def remove(session: Session, limit: int) -> int:
        since = now() - age
        of_it = cosignatures.c.checkpoint_id == checkpoints.c.id
        chosen = select(checkpoints.c.id).where(
            checkpoints.c.at < since,
            checkpoints.c.id % KEPT != 0,
            checkpoints.c.note.not_like(SIGNED_TWICE),
            ~exists(select(1).where(of_it, cosignatures.c.at >= since)),
        )
        ids = [row.id for row in await session.all(chosen.order_by(checkpoints.c.id).limit(limit))]
        if ids:
            await session.execute(Removal(cosignatures).where(cosignatures.c.checkpoint_id.in_(ids)))
            await session.execute(Removal(checkpoints).where(checkpoints.c.id.in_(ids)))
        return len(ids)

    return PruneRule(checkpoints.name, remove)
