"""The verbs that modules share; a module overrides only the ones with a rule."""

from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.model import Entity
from app.core.page import PageQuery, Window
from app.core.repository import Repository
from app.core.schema import Patch, Schema
from app.core.types import AnyRow

M = TypeVar("M", bound=Entity)


class Service(Generic[M]):
    """Built from a session: by a provider in a request, by hand in a job."""

    repository: ClassVar[type[Repository[Any]]]

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows: Repository[M] = self.repository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.rows.page(query)

    async def get(self, id: UUID) -> AnyRow:
        return await self.rows.get(id)

    async def create(self, data: Schema) -> M:
        return await self.rows.add(self.rows.model(**data.model_dump()))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> M:
        return await self.rows.change(await self.rows.load(id, if_match), data.changes())

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        await self.rows.remove(await self.rows.load(id, if_match))

    async def restore(self, id: UUID, if_match: str | None = None) -> M:
        """Bring a hidden row back. Raises NotFound where it is not hidden."""
        return await self.rows.change(await self.rows.load(id, if_match, deleted=True), {"deleted_at": None})
