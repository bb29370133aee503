"""Destroys what the audit log could tell of people by."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.audit.models import AuditSubjectKey
from tests.modules.audit.entries import callers


async def erase(database: Database, user_id: UUID) -> None:
    """Erase a user from both logs."""
    await destroy_keys(database, user_id)
    await forget_callers(database, user_id)


async def forget_callers(database: Database, user_id: UUID) -> None:
    """Remove what entries tell of a user who called."""
    async with database.unit_of_work(RequestContext.for_job("erase")) as session:
        await session.execute(delete(callers).where(callers.c.user_id == user_id))


async def destroy_keys(database: Database, user_id: UUID) -> None:
    """Destroy the keys of a person, so that the change log tells nothing of them any more."""
    async with database.unit_of_work(RequestContext.for_job("erase")) as session:
        own = select(AuditSubjectKey).where(col(AuditSubjectKey.subject_id) == user_id)
        for key in (await session.execute(own)).scalars():
            session.remove(key)
