"""Removes callers who came back: of requests that were running, or whose entries were not shipped, at an erasure."""

from sqlalchemy import select

from app.core.db.entity import table_of
from app.core.db.pruning import PruneRule, delete_rows
from app.core.db.session import Session
from app.modules.audit.erasure.models import AuditErasure
from app.modules.audit.models import AuditCaller

callers, erasures = table_of(AuditCaller), table_of(AuditErasure)


def callers_of_erased() -> PruneRule:
    """Callers of users who were erased."""

    async def remove(session: Session, limit: int) -> int:
        return await delete_rows(session, callers, callers.c.user_id.in_(select(erasures.c.entity_id)), limit)

    return PruneRule(callers.name, remove)
