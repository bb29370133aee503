"""Reads the caller's own changes, with the names of what was changed."""

from dataclasses import replace
from uuid import UUID

from app.core.db.pagination import RowPage
from app.core.db.session import ReadSession, Session
from app.modules.audit.names.present import WantedNames
from app.modules.audit.names.references import parse_id
from app.modules.audit.own.repository import OwnChangeRepository
from app.modules.audit.own.schemas import OwnChangeQuery


class OwnChangeService:
    """What one user changed."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = OwnChangeRepository(session)

    async def page(self, user_id: UUID, query: OwnChangeQuery) -> RowPage:
        """One page of the user's changes, with the names of rows that the caller may read."""
        page = await self.rows.page_of_actor(user_id, query)
        wanted = WantedNames()
        for row in page.items:
            wanted.add(row.entity, parse_id(row.entity_id))
        names = await wanted.read(self.rows.session)
        return replace(
            page, items=[{**row._mapping, "item_name": names.get(parse_id(row.entity_id))} for row in page.items]
        )
