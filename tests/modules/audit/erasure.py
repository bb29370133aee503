"""Destroys what the audit log could tell of people by, as an erasure does, and leaves the rest."""

from uuid import UUID

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.audit.erasure.repository import PersonWriter
from app.modules.audit.schemas import Item


async def erase(database: Database, user_id: UUID) -> None:
    """Erase a user from both logs."""
    await destroy_keys(database, user_id)
    await forget_callers(database, user_id)


async def forget_callers(database: Database, user_id: UUID) -> None:
    """Remove what entries tell of a user who called."""
    async with database.unit_of_work(RequestContext.for_job("erase")) as session:
        await PersonWriter(session, Item("user", user_id)).remove_callers()


async def destroy_keys(database: Database, user_id: UUID) -> None:
    """Destroy the keys of a person, so that the change log tells nothing of them any more."""
    async with database.unit_of_work(RequestContext.for_job("erase")) as session:
        await PersonWriter(session, Item("user", user_id)).destroy_keys()
