"""The rules about changing a set of linked items."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from app.core.db.entity import Entity
from app.core.db.links import MAX_MEMBERS, LinkSet, flush_set
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.references import find_visible
from app.core.db.session import AnySelect
from app.core.errors import Conflict, NotFound, invalid
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
        return self.members.select().where(self.set.is_in_set())

    async def replace(self, owner_id: UUID, wanted: Sequence[UUID], if_match: str | None) -> Any:
        """Make the set what is `wanted`. Raises NotFound, StaleVersion, Invalid."""
        owner = await self.owners.load(owner_id, if_match)
        present = await self.load_links(owner_id)
        missing = dict.fromkeys(member for member in wanted if member not in present)
        unknown = set(missing) - await self.find_members(missing)
        for index, member in enumerate(wanted):
            if member in unknown:
                pointer = f"/body/{self.set.member_key.name}s/{index}"
                detail = f"There is no {self.set.words} {member}."
                raise invalid(pointer, detail, "unknown-reference", id=str(member))
        return await self.write(owner, missing, [present[member] for member in present.keys() - set(wanted)])

    async def add(self, owner_id: UUID, member_id: UUID, if_match: str | None) -> Any:
        """Add one member; nothing changes where it is in the set. Raises NotFound, StaleVersion, SetIsFull."""
        owner = await self.owners.load(owner_id, if_match)
        present = await self.load_links(owner_id)
        if member_id not in present and member_id not in await self.find_members([member_id]):
            raise self.members.not_found(member_id)
        if member_id not in present and len(present) >= MAX_MEMBERS:
            detail = f"There are {MAX_MEMBERS} {self.set.name} already; remove one first."
            raise SetIsFull(detail, params={"most": MAX_MEMBERS})
        return await self.write(owner, [member_id] if member_id not in present else [], [])

    async def remove(self, owner_id: UUID, member_id: UUID, if_match: str | None) -> None:
        """Remove one member. Raises NotFound, also where it is not in the set, and StaleVersion."""
        owner = await self.owners.load(owner_id, if_match)
        link = (await self.load_links(owner_id)).get(member_id)
        if link is None:
            raise NotFound(f"There is no {self.set.words} {member_id} among the {self.set.name} of this.")
        await self.write(owner, [], [link])

    async def load_links(self, owner_id: UUID) -> dict[UUID, Entity]:
        """The links to visible members, by member. Who changes one also writes the version of the owner."""
        session = self.owners.writer
        rows = await session.look(self.set.select_links, {"owner": owner_id})
        links = [session.adopt(self.set.model, row._asdict()) for row in rows]
        return {getattr(link, self.set.member_key.name): link for link in links}

    async def find_members(self, ids: Iterable[UUID]) -> set[UUID]:
        """Those of `ids` that are visible, and stay so to the commit."""
        name, wanted = self.set.member_key.name, set(ids)
        found = await find_visible(self.owners.writer, self.set.member_key.table, {name: wanted} if wanted else {})
        return found.get(name, set())

    async def write(self, owner: Any, added: Iterable[UUID], removed: Iterable[Entity]) -> Any:
        """Write a change of the set, and return the owner as a read does."""
        session = self.owners.writer
        session.add_all(self.set.build(owner.id, member) for member in added)
        for link in removed:
            session.remove(link)
        await flush_set(session, owner)
        return await self.owners.get(owner.id)
