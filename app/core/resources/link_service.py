"""The rules about changing a set of linked items."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from app.core.db.link_selects import is_in_set
from app.core.db.links import MAX_MEMBERS, LinkSet, change_links
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.row_access import row_access
from app.core.db.session import AnySelect
from app.core.errors import Conflict, NotFound
from app.core.resources.members import SetMembers
from app.core.resources.service import Service


class SetIsFull(Conflict):
    """A set has as many members as it can have."""

    code = "set-is-full"
    remedy = "Remove a member of the set before you add another."
    pointer = "/path/id"


class LinkService:
    """One set of linked items."""

    def __init__(self, links: LinkSet, owners: Service[Any], members: Service[Any]) -> None:
        self.set = links
        self.owners = owners.rows
        self.members = members.rows

    async def page(self, owner_id: UUID, query: PageQuery) -> RowPage:
        """The members of a set. Raises NotFound."""
        statement = self.members.build_once(("in", self.set), self.select_members)
        scope = f"{self.owners.table.name}/{owner_id}/{self.set.name}"
        page = await self.members.fetch_page(statement, query, scope, {"owner": owner_id})
        if not page.items:
            await self.owners.get(owner_id)
        return page

    def select_members(self) -> AnySelect:
        """A select of the visible members of the set of the row `owner`."""
        return self.members.select().where(is_in_set(self.set, row_access(self.members.session.context)))

    async def replace(
        self, owner_id: UUID, wanted: Sequence[UUID], if_match: str | None, place_of: Callable[[int], str]
    ) -> Any:
        """Make the set what is `wanted`; `place_of` each is its pointer. Raises NotFound, StaleVersion, Invalid."""
        owner = await self.owners.load(owner_id, if_match)
        await self.links.replace(owner, wanted, place_of)
        return await self.owners.get(owner_id)

    async def add(self, owner_id: UUID, member_id: UUID, if_match: str | None) -> Any:
        """Add one member; nothing changes where it is in the set. Raises NotFound, StaleVersion, SetIsFull."""
        owner = await self.owners.load(owner_id, if_match)
        present = await self.links.load(owner_id)
        if member_id in present:
            return await self.owners.get(owner_id)
        if member_id not in await self.links.find([member_id]):
            raise self.members.not_found(member_id)
        if len(present) >= MAX_MEMBERS:
            detail = f"There are {MAX_MEMBERS} {self.set.name} already; remove one first."
            raise SetIsFull(detail, params={"most": MAX_MEMBERS})
        await change_links(self.owners.writer, owner, [self.set.build(owner_id, member_id)], [])
        return await self.owners.get(owner_id)

    async def remove(self, owner_id: UUID, member_id: UUID, if_match: str | None) -> None:
        """Remove one member. Raises NotFound, also where it is not in the set, and StaleVersion."""
        owner = await self.owners.load(owner_id, if_match)
        link = (await self.links.load(owner_id)).get(member_id)
        if link is None:
            raise NotFound(f"There is no {self.set.words} {member_id} among the {self.set.name} of this.")
        await change_links(self.owners.writer, owner, [], [link])

    @property
    def links(self) -> SetMembers:
        """The members, to change them."""
        return SetMembers(self.owners.writer, self.set)
