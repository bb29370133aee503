"""Queries over rows that are part of a row of another table: the movements of the stock of a product."""

from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from app.core.db.entity import Entity
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnySelect
from app.core.db.targets import target_of

M = TypeVar("M", bound=Entity)


class PartRepository(Repository[M], Generic[M]):
    """Rows of `model`, whose `part_of` refers to the row that they belong to. Those of a hidden row are not shown."""

    @property
    def owner_key(self) -> ColumnElement[UUID]:
        """The column with the id of the row that a part belongs to."""
        return self.table.c[str(self.model.part_of)]

    def select_of_owner(self) -> AnySelect:
        """A select of the visible parts of the row `owner`, if that is visible."""
        owner = target_of(self.table.c[str(self.model.part_of)])
        visible = select(owner.c.id).where(owner.c.id == bindparam("owner", type_=owner.c.id.type))
        if "deleted_at" in owner.c:
            visible = visible.where(owner.c.deleted_at.is_(None))
        return self.select().where(self.owner_key.in_(visible))

    async def page_of(self, owner_id: UUID, query: PageQuery) -> RowPage:
        """One page of the parts of a row that match `query`."""
        statement = self.build_once("of one owner", self.select_of_owner)
        scope = f"{self.table.name}/{owner_id}"
        return await self.fetch_page(self.where(statement, query), query, scope, {"owner": owner_id})

    async def get_of(self, owner_id: UUID, id: UUID) -> Any:
        """One part of a row. Raises NotFound."""
        one = self.build_once(
            "one of an owner", lambda: self.select_of_owner().where(self.table.c.id == bindparam("id"))
        )
        row = await self.session.first(one, {"owner": owner_id, "id": id})
        if row is None:
            raise self.not_found(id)
        return self.to_reads([row])[0]
