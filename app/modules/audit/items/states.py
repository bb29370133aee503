"""States of an item: what its fields held right after one of its entries, rebuilt from the change log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.db.entity import Entity
from app.core.db.session import ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit.changes.personal_data import ERASED, MASKED, UNREADABLE
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.items.repository import ItemRepository
from app.modules.audit.items.schemas import Point
from app.modules.audit.items.sets import read_sets
from app.modules.audit.schemas import Item
from app.modules.audit.sealer.archived import check_nothing_archived

BOOKKEEPING = frozenset(Entity.model_fields)
"""Columns of every row, which say nothing of the item itself."""

NO_DIGEST = {"$secret": True}
"""What entries of format 1 have of a secret."""


@dataclass(frozen=True, slots=True)
class State:
    """The fields of an item right after one of its entries, and the ids of the members of its sets."""

    entry_id: int
    values: Mapping[str, Any]
    """Personal values decrypted, of a secret the digest."""
    origins: Mapping[str, int]
    """For each field but the sets, the entry that gave it its value."""


async def read_state(session: ReadSession | Session, item: Item, point: Point | None = None) -> State:
    """The state of `item` at `point`, or the newest. Raises NotFound where it did not exist, Archived.

    It takes as much memory as the item has fields, however long its history is.
    """
    rows = ItemRepository(session, item)
    if isinstance(point, int) and point > await rows.sealed_size():
        raise NotFound(f"The log has no entry {point} yet: an entry gets its seq when it is sealed.")
    last = await rows.last(point)
    history = f"The history of the {item.words} {item.entity_id}"
    if last is None and not await rows.has_creation():
        await check_nothing_archived(session, rows.log, history)
    if last is None or last.action == "delete":
        raise not_found(item, was_removed=last is not None, was_ever=await rows.last(None) is not None)
    newest = await rows.newest_by_field(last.id)
    found = await decrypt(session, await rows.get_all(set(newest.values())), item)
    entries = {entry["id"]: entry for entry in found}
    born = max((number for number, entry in entries.items() if entry["action"] == "create"), default=0)
    # else a revert would leave out what only an archived entry tells of
    await check_nothing_archived(session, rows.log, history, entries[born]["stored_at"] if born else None)
    # older ones are of a former life of the row
    origins = {name: number for name, number in sorted(newest.items()) if number >= born}
    values = {name: entries[number]["changes"][name]["new"] for name, number in origins.items()}
    return State(last.id, values | await read_sets(session, item, point, last.call_id), origins)


def not_found(item: Item, *, was_removed: bool, was_ever: bool) -> NotFound:
    name = f"{item.words} {item.entity_id}"
    if was_removed:
        return NotFound(f"The {name} was removed before.")
    return NotFound(f"The {name} did not exist yet." if was_ever else f"There is no {name}, and never was.")


def difference(old: State, new: State) -> dict[str, dict[str, Any]]:
    """`{field: {old, new}}` for the fields that differ. A field that one of the states does not have is null in it."""
    names = [*new.values, *(name for name in old.values if name not in new.values)]
    return {
        name: {"old": old.values.get(name), "new": new.values.get(name)}
        for name in names
        if not has_same_origin(old, new, name) and are_different(old.values.get(name), new.values.get(name))
    }


def has_same_origin(old: State, new: State, name: str) -> bool:
    """Whether a field of two states got its value from the same entry."""
    return name in old.origins and old.origins[name] == new.origins.get(name)


def are_different(old: Any, new: Any) -> bool:
    """Whether two values of different entries differ. Those that cannot be compared count as different."""
    return old != new or is_hidden(old) or old == NO_DIGEST


def is_hidden(value: Any) -> bool:
    """Whether a value is not told, so that it cannot be compared."""
    return is_lost(value) or value == MASKED


def is_lost(value: Any) -> bool:
    """Whether a personal value cannot be read any more."""
    return value in (ERASED, UNREADABLE)
