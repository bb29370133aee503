"""Queries over the caller's own change entries."""

from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import bindparam

from app.core.db.pagination import RowPage
from app.core.db.session import AnySelect
from app.modules.audit.models import TABLES
from app.modules.audit.own.schemas import OwnChangeQuery, OwnChangeRead
from app.modules.audit.repository import ChangeRepository, tell_archives


class OwnChangeRepository(ChangeRepository):
    """The change entries of one actor about items of modules, which the actor may read without a permission."""

    read: type[BaseModel] = OwnChangeRead

    async def page_of_actor(self, actor_id: UUID, query: OwnChangeQuery) -> RowPage:
        """The entries of this actor. An index has them in the order of their time."""
        own = self.where(self.build_once("own", self.select_own), query)
        page = await self.fetch_page(own, query, f"changes by {actor_id}", {"actor_id": actor_id})
        await tell_archives(self.session, [self.log], query.at_gte, query.at_lt)
        return page

    def select_own(self) -> AnySelect:
        """A select of the entries of an actor, without those about sessions, keys and the like."""
        columns = self.table.c
        items = sorted(frozenset().union(*TABLES.values()))
        return self.select().where(columns.actor_id == bindparam("actor_id"), columns.entity.in_(items))
