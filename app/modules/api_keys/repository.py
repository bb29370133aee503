"""Queries over API keys."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import col

from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.modules.api_keys.models import ApiKey
from app.modules.api_keys.schemas import ApiKeyRead


class ApiKeyRepository(Repository[ApiKey]):
    """API keys."""

    model = ApiKey
    read = ApiKeyRead

    async def page_of_user(self, user_id: UUID, query: PageQuery) -> RowPage:
        """The keys of a user, revoked and expired ones too."""
        mine = self.build_once("mine", lambda: self.select().where(self.table.c.user_id == bindparam("user_id")))
        values = {"user_id": user_id}
        return await self.fetch_page(self.where(mine, query), query, f"api-keys/{user_id}", values)

    async def load_of(self, user_id: UUID, id: UUID) -> ApiKey:
        """Load and lock a key of the user. Raises NotFound, also for another user's key."""
        statement = (
            select(ApiKey).where(col(ApiKey.id) == id, col(ApiKey.user_id) == user_id).with_for_update(key_share=True)
        )
        row: ApiKey | None = (await self.writer.execute(statement)).scalar_one_or_none()
        if row is None:
            raise self.not_found(id)
        return row
