"""API key queries."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.page import PageQuery, Window
from app.core.repository import Repository
from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.schemas import ApiKeyRead


class ApiKeyRepository(Repository[ApiKey]):
    model = ApiKey
    read = ApiKeyRead

    async def of_user(self, user_id: UUID, query: PageQuery) -> Window:
        mine = self.select().where(self.table.c.user_id == user_id)
        return await self.window(self.where(mine, query), query, f"api-keys/{user_id}")

    async def load_of(self, user_id: UUID, id: UUID) -> ApiKey:
        """One of the user's keys, locked. Raises NotFound, also for somebody else's."""
        statement = (
            select(ApiKey).where(col(ApiKey.id) == id, col(ApiKey.user_id) == user_id).with_for_update(key_share=True)
        )
        row = (await self.writer.execute(statement)).scalar_one_or_none()
        if row is None:
            raise self.missing(id)
        return row
