"""The operations that CRUD services share. A module overrides only those with a rule of its own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from app.core.db.entity import Entity, table_of
from app.core.db.integrity import has_unique_values
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository, get_one
from app.core.db.session import ReadSession, Session
from app.core.resources.members import link_items, replace_sets, without_sets
from app.core.resources.schemas import Patch, Schema

M = TypeVar("M", bound=Entity)


class Service(Generic[M]):
    """Built from a session: injected in a request, constructed directly in a job."""

    repository: ClassVar[type[Repository[Any]]]
    transitions: ClassVar[Mapping[str, Mapping[Any, Collection[Any]]]] = {}
    """By field, the values that can follow each value. A module that has such rules applies them itself."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows: Repository[M] = self.repository(session)

    async def page(self, query: PageQuery) -> RowPage:
        return await self.rows.page(query)

    async def get(self, id: UUID, *, deleted: bool = False) -> Any:
        return await get_one(self.rows, id, deleted=deleted)

    def build(self, data: Schema) -> M:
        """An entity made of `data`, not added yet. Override it for rules about the values of a new item."""
        return self.rows.model(**without_sets(self.rows.sets, data.model_dump()))

    async def create(self, data: Schema) -> M:
        """Create an item. Raises Invalid, AlreadyExists."""
        (item,) = await self.create_many([data])
        return item

    async def create_many(self, items: Sequence[Schema]) -> list[M]:
        """Create `items` in one flush, and link them with the members of their sets in another."""
        rows = await self.rows.add_all([self.build(data) for data in items])
        await link_items(self.rows, rows, items)
        return list(await self.rows.reload_for_read(rows))

    async def update(self, id: UUID, data: Patch, if_match: str | None = None) -> M:
        """Change some fields of an item. Raises NotFound, StaleVersion, Invalid, AlreadyExists."""
        return await reload_one(self.rows, await self.change(id, data, if_match))

    async def change(self, id: UUID, data: Patch, if_match: str | None = None) -> M:
        """The same, without what a read returns. Override it for rules that read the database.

        Raises Forbidden for a field that the caller may not give, before what is stored decides anything.
        """
        row = await self.rows.load(id, if_match)
        await self.rows.fields.check_given(self.rows.writer, row, data.model_fields_set)
        changes = data.merge_into(row)
        values = self.apply_rules(row, without_sets(self.rows.sets, changes))
        await replace_sets(self.rows, row, changes)
        return await self.rows.change(row, values)

    def apply_rules(self, row: M, changes: dict[str, Any]) -> dict[str, Any]:
        """`changes` to `row`, by field, after the module's rules. Override it for rules about changes."""
        return changes

    async def delete(self, id: UUID, if_match: str | None = None) -> None:
        """Hide (or delete) an item. Raises NotFound, StaleVersion, InUse."""
        await self.rows.remove(await self.rows.load(id, if_match))

    async def restore(self, id: UUID, if_match: str | None = None) -> M:
        """Make a hidden item visible again. Raises NotFound, NotDeleted, StaleVersion, Conflict."""
        return await reload_one(self.rows, await self.rows.restore(await self.rows.load(id, if_match, deleted=True)))


async def reload_one(rows: Repository[Any], row: M) -> M:
    """`row` as a read returns it."""
    (item,) = await rows.reload_for_read([row])
    return item  # type: ignore[no-any-return]  # shaped as its Read schema


def tells_what_is_stored(service: type[Service[Any]]) -> bool:
    """Whether the answer to a creation may tell what was stored before: that a value is taken, or another item.

    The name of what it refers to is no such thing: who may refer to an item may see what it is called.
    """
    repository = service.repository
    usual = (
        service.create is Service.create,
        repository.reload_for_read is Repository.reload_for_read,
    )
    return has_unique_values(table_of(repository.model)) or not all(usual)
