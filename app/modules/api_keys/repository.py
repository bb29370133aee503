"""Queries over API keys."""

from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import FromClause, bindparam, delete, select
from sqlmodel import col

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.modules.api_keys.models import ApiKey, ApiKeyUse
from app.modules.api_keys.schemas import ApiKeyRead, OwnedApiKeyRead

uses = table_of(ApiKeyUse)


class ApiKeyRepository(Repository[ApiKey]):
    """API keys."""

    model = ApiKey
    read: type[BaseModel] = ApiKeyRead
    beside = (uses,)

    def source(self) -> FromClause:
        return super().source().outerjoin(uses, uses.c.id == self.table.c.id)

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

    async def load_all_of(self, user_id: UUID) -> list[ApiKey]:
        """Load and lock the keys of the user."""
        mine = select(ApiKey).where(col(ApiKey.user_id) == user_id).order_by(col(ApiKey.id))
        return list((await self.writer.execute(mine.with_for_update(key_share=True))).scalars())

    async def forget_uses(self, user_id: UUID) -> None:
        """Forget when and from where the keys of the user were used."""
        mine = select(self.table.c.id).where(self.table.c.user_id == user_id)
        await self.writer.execute(delete(uses).where(uses.c.id.in_(mine)))

    def record_use(self, id: UUID, ip: str | None) -> None:
        """Record when and from where the key was used."""
        self.writer.add(ApiKeyUse(id=id, last_used_at=now(), last_used_ip=ip))


class OwnedApiKeyRepository(ApiKeyRepository):
    """API keys with their owners."""

    read = OwnedApiKeyRead
