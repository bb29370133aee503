"""The members of sets of linked items, as requests give them: checked, and compared with those that a set has."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.core.db.entity import Entity
from app.core.db.link_selects import select_links
from app.core.db.links import MAX_MEMBERS, LinkSet, change_links, link_new
from app.core.db.references import find_visible
from app.core.db.repository import Repository
from app.core.db.row_access import row_access
from app.core.db.session import ReadSession, Session
from app.core.errors import invalid
from app.core.resources.schemas import Schema

MemberIds = Annotated[list[UUID], Field(max_length=MAX_MEMBERS)]
"""All members of a set, by their ids. A schema of requests with such a field (`tag_ids`) can set it."""


class SetMembers:
    """The members of one set."""

    def __init__(self, session: Session, links: LinkSet) -> None:
        self.session = session
        self.set = links

    async def load(self, owner_id: UUID) -> dict[UUID, Entity]:
        """The links to visible members, by member. Who changes one also writes the version of the owner."""
        rows = await self.session.look(select_links(self.set, row_access(self.session.context)), {"owner": owner_id})
        links = [self.session.adopt(self.set.model, row._asdict()) for row in rows]
        return {getattr(link, self.set.key): link for link in links}

    async def find(self, ids: Iterable[UUID]) -> set[UUID]:
        """Those of `ids` that are visible, and stay so to the commit."""
        wanted = set(ids)
        found = await find_visible(self.session, self.set.member_key.table, {self.set.key: wanted} if wanted else {})
        return found.get(self.set.key, set())

    def place_of(self, index: int) -> str:
        """The pointer to a member in a body that gives the ids."""
        return f"/{self.set.field}/{index}"

    def refuse_unknown(
        self, given: Sequence[UUID], known: Collection[UUID], place_of: Callable[[int], str] | None = None
    ) -> None:
        """Raise Invalid for the first of `given` that is not among those that are `known` to be visible."""
        for index, member in enumerate(given):
            if member not in known:
                detail, place = f"There is no {self.set.words} {member}.", (place_of or self.place_of)(index)
                raise invalid(f"/body{place}", detail, "unknown-reference", id=str(member))

    async def replace(self, owner: Entity, given: Sequence[UUID], place_of: Callable[[int], str] | None = None) -> None:
        """Make the set what is `given`, with the next flush; `place_of` each is its pointer. Raises Invalid."""
        present = await self.load(owner.id)
        self.refuse_unknown(given, present.keys() | await self.find(set(given) - present.keys()), place_of)
        added = [self.set.build(owner.id, member) for member in dict.fromkeys(given) if member not in present]
        removed = [link for member, link in present.items() if member not in set(given)]
        await change_links(self.session, owner, added, removed)


async def link_items(rows: Repository[Any], items: Sequence[Entity], data: Sequence[Schema]) -> None:
    """Link new `items` with the members that `data` gives for them. Raises Invalid."""
    for links in rows.sets:
        given = [getattr(each, links.field, ()) for each in data]
        if any(given):
            check_permission(rows.writer, links, links.field)
            members = SetMembers(rows.writer, links)
            known = await members.find(member for ids in given for member in ids)
            for item, ids in zip(items, given, strict=True):
                members.refuse_unknown(ids, known)
                link_new(rows.writer, item, [links.build(item.id, member) for member in dict.fromkeys(ids)])
            await rows.writer.flush()


async def replace_sets(rows: Repository[Any], owner: Entity, changes: Mapping[str, Any]) -> None:
    """Make those sets of `owner` that are among `changes` what those say, with the next flush. Raises Invalid."""
    for links in rows.sets:
        if links.field in changes:
            check_permission(rows.writer, links, links.field)
            await SetMembers(rows.writer, links).replace(owner, changes[links.field])


def check_permission(session: Session | ReadSession, links: LinkSet, field: str) -> None:
    """Raise Invalid for a caller who may not read the members that a `field` gives."""
    principal = session.context.principal
    if principal is not None and not principal.scopes_of(links.read_permission):
        detail = f"To set {links.name} needs the permission {links.read_permission}."
        raise invalid(f"/body/{field}", detail, "permission-denied", permission=links.read_permission)


def without_sets(sets: Iterable[LinkSet], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that are no sets."""
    fields = {links.field for links in sets}
    return {name: value for name, value in values.items() if name not in fields}
