"""The verbs that modules share; a module overrides only the ones with a rule."""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.model import Entity
from app.core.page import PageQuery, Window
from app.core.repository import Repository
from app.core.schema import Patch, Schema

M = TypeVar("M", bound=Entity)


class Service(Generic[M]):
    """Built from a session: by a provider in a request, by hand in a job."""

    repository: ClassVar[type[Repository[Any]]]

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows: Repository[M] = self.repository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.rows.page(query)

    async def get(self, id: UUID) -> Any:
        return await self.rows.get(id)

    def new(self, data: Schema) -> M:
        """An entity of `data`, not added yet: the place for what follows from its values alone."""
        return self.rows.model(**data.model_dump())

    async def create(self, data: Schema) -> M:
        return await self.shown(await self.rows.add(self.new(data)))

    async def create_many(self, items: Sequence[Schema]) -> list[M]:
        """Create `items` in one flush."""
        return list(await self.rows.shown(await self.rows.add_all([self.new(data) for data in items])))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> M:
        row = await self.rows.load(id, if_match)
        return await self.shown(await self.rows.change(row, self.revised(row, data.merged(row))))

    def revised(self, row: M, changes: dict[str, Any]) -> dict[str, Any]:
        """What `changes` make of `row`, by field: the place for rules about what may follow what."""
        return changes

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        await self.rows.remove(await self.rows.load(id, if_match))

    async def restore(self, id: UUID, if_match: str | None = None) -> M:
        """Bring a hidden row back. Raises NotFound where it is not hidden."""
        return await self.shown(await self.rows.restore(await self.rows.load(id, if_match, deleted=True)))

    async def shown(self, row: M) -> M:
        """`row` as its reads show it."""
        (found,) = await self.rows.shown([row])
        return found  # type: ignore[no-any-return]  # shaped as its Read schema
