"""The operations on items that are part of another item. A module overrides those with a rule of its own."""

from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from app.core.db.entity import Entity
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.parts import PartRepository
from app.core.db.repository import Repository
from app.core.db.session import ReadSession, Session
from app.core.resources.schemas import Schema
from app.core.resources.service import reload_one

M = TypeVar("M", bound=Entity)
Owner = TypeVar("Owner", bound=Entity)


class ChildService(Generic[Owner, M]):
    """Items of `repository`, each part of an item of `owners`, which is locked while one is added."""

    owners: ClassVar[type[Repository[Any]]]
    repository: ClassVar[type[PartRepository[Any]]]

    def __init__(self, session: Session | ReadSession) -> None:
        self.owner_rows: Repository[Owner] = self.owners(session)
        self.rows: PartRepository[M] = self.repository(session)

    def build(self, owner: Owner, data: Schema) -> M:
        """A part of `owner` made of `data`, not added yet. Override it for rules, and to change the owner with it."""
        values = {**data.model_dump(), str(self.rows.model.part_of): owner.id}
        return self.rows.model(**values)

    async def create(self, owner_id: UUID, data: Schema) -> Any:
        """Add a part. Raises NotFound, and what `build` raises."""
        owner = await self.owner_rows.load(owner_id)
        return await reload_one(self.rows, await self.rows.add(self.build(owner, data)))

    async def page(self, owner_id: UUID, query: PageQuery) -> RowPage:
        """The parts of an item. Raises NotFound."""
        page = await self.rows.page_of(owner_id, query)
        if not page.items:
            await self.owner_rows.get(owner_id)
        return page

    async def get(self, owner_id: UUID, id: UUID) -> Any:
        """One part of an item. Raises NotFound."""
        return await self.rows.get_of(owner_id, id)
