"""The sets of an item in a past state: the ids of the members that it had, rebuilt from the change log."""

from collections.abc import Mapping
from functools import cache
from uuid import UUID

from sqlmodel import SQLModel

from app.core.db.audited import audited_models
from app.core.db.entity import Entity, table_of
from app.core.db.session import ReadSession, Session
from app.core.db.targets import target_of
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.items.repository import ItemRepository, SetRepository
from app.modules.audit.items.schemas import Point
from app.modules.audit.schemas import Item


@cache
def sets_of(entity: str) -> Mapping[str, type[Entity]]:
    """The sets that rows of `entity` have: the field with the ids of the members, and the model of the links."""
    table = SQLModel.metadata.tables[entity]
    models = [model for model in audited_models().values() if model.links_to is not None]
    return {
        f"{model.links_to}s": model for model in models if target_of(table_of(model).c[str(model.part_of)]) is table
    }


async def read_sets(
    session: ReadSession | Session, item: Item, point: Point | None, call: UUID | None
) -> dict[str, list[str]]:
    """The members of each set of `item` at a point, or now, that were visible then. `call` wrote its last entry."""
    rows = SetRepository(session, item)
    found = {}
    for field, links in sets_of(item.entity).items():
        members = await rows.members(links, point, call)
        found[field] = sorted(set(members) - await hidden(rows, links, members, point)) if members else []
    return found


async def hidden(rows: SetRepository, links: type[Entity], members: list[str], point: Point | None) -> set[str]:
    """Those of `members` that were deleted at a point."""
    table = target_of(table_of(links).c[str(links.links_to)])
    newest = await rows.newest_of_field(table, members, "deleted_at", point)
    entries = await decrypt(rows.session, await ItemRepository(rows.session, rows.item).get_all(newest))
    return {entry["entity_id"] for entry in entries if entry["changes"]["deleted_at"]["new"] is not None}
