"""Shows versions with names beside the ids that they hold, hidden users and roles too, and with totals."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit import Names, WantedNames, find_references

Document = dict[str, Any]


async def show_versions(session: Session | ReadSession, rows: Sequence[AnyRow], most: int | None) -> list[Document]:
    """Versions as readers see them, each with the effects on the first `most` users. Names are one select."""
    wanted = WantedNames()
    for row in rows:
        wanted.add_users(*(UUID(effect["user_id"]) for effect in row.effects[:most]))
        for change in row.changes:
            wanted.add(change["entity"], UUID(change["id"]))
            for table, target in find_references(change["entity"], sides_of(change)):
                wanted.add(table, target)
    names = await wanted.read(session)
    return [
        {
            **row._mapping,
            "changes": [show_change(change, names) for change in row.changes],
            "effects": [show_effect(effect, names) for effect in row.effects[:most]],
            "effect_totals": count_effects(row.effects, most),
        }
        for row in rows
    ]


def sides_of(change: Document) -> dict[str, Document]:
    """The columns of a changed row, each with its old and new value."""
    sides = {side: change[side] or {} for side in ("old", "new")}
    return {name: {side: row.get(name) for side, row in sides.items()} for row in sides.values() for name in row}


def show_change(change: Document, names: Names) -> Document:
    """A changed row with its name, and those of what it refers to."""
    targets = (target for _, target in find_references(change["entity"], sides_of(change)))
    known = {str(target): names[target] for target in targets if target in names}
    return {**change, "item_name": names.get(UUID(change["id"])), "names": known}


def show_effect(effect: Document, names: Names) -> Document:
    """An effect with the name of the user. Those of older versions do not tell until when."""
    return {"until": {}, **effect, "username": names.get(UUID(effect["user_id"]))}


def count_effects(effects: Sequence[Document], most: int | None) -> dict[str, int]:
    """How many users gained and lost permissions, and how many of them are shown."""
    gained, lost = (sum(bool(effect[side]) for effect in effects) for side in ("gained", "lost"))
    return {"users": len(effects), "gained": gained, "lost": lost, "shown": len(effects[:most])}
