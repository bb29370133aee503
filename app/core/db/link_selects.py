"""Selects of the rows between two tables, and of the members that they link."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, select

from app.core.db.entity import table_of
from app.core.db.links import LinkSet
from app.core.db.row_access import RowAccess
from app.core.db.targets import target_of

KEPT = 100
"""Selects that are kept: one for each set and access."""


def visible_members(links: LinkSet, access: RowAccess) -> tuple[FromClause, ColumnElement[UUID], ColumnElement[UUID]]:
    """The links to members that the caller may read, and their columns with the ids of the member and of the owner."""
    member, link = links.members.alias(), table_of(links.model).alias()
    is_visible = (member.c.deleted_at.is_(None), *access.conditions(links.members, member))
    is_member = and_(member.c.id == link.c[links.key], *is_visible)
    return link.join(member, is_member), link.c[links.key], link.c[links.owner_key.name]


def is_in_set(links: LinkSet, access: RowAccess) -> ColumnElement[bool]:
    """True for rows of the table of members that are in the set of the row `owner`, if that is visible."""
    owner = target_of(links.owner_key)
    linked = select(links.member_key).join(owner, owner.c.id == links.owner_key)
    is_visible = (owner.c.deleted_at.is_(None), *access.conditions(owner))
    return links.members.c.id.in_(linked.where(is_of_owner(links), *is_visible))


@lru_cache(KEPT)
def select_links(links: LinkSet, access: RowAccess) -> Select[Any]:
    """A select of the links of the row `owner` to members that the caller may read."""
    is_visible = (links.members.c.deleted_at.is_(None), *access.conditions(links.members))
    visible = select(links.members.c.id).where(*is_visible)
    mine = select(*table_of(links.model).columns).where(is_of_owner(links))
    return mine.where(links.member_key.in_(visible))


def is_of_owner(links: LinkSet) -> ColumnElement[bool]:
    return links.owner_key == bindparam("owner", type_=links.owner_key.type)
