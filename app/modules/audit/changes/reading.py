"""Reads change entries as their values were: personal ones decrypted, plain documents without escapes."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.changes.personal_data import (
    ERASED,
    UNREADABLE,
    SubjectKey,
    decrypt_value,
    keys_table,
    unwrap_or_report,
)
from app.modules.audit.changes.place import Place
from app.modules.audit.entries.canonical import unescape_names

EXTERNAL = {"$external", "$salt"}
"""The names in what the triggers of `backstop.py` write of a value that they may not show."""


async def decrypt(session: ReadSession | Session, entries: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """`entries` with their personal values decrypted."""
    stored = (side for row in entries for sides in row.changes.values() for side in sides.values())
    ids = {name for name in map(key_of, stored) if name}
    rows = await session.all(select(keys_table).where(keys_table.c.id.in_(ids))) if ids else ()
    keys = {row.id: unwrap_or_report(session.keys.personal, row) for row in rows}
    return [to_read(row, keys) for row in entries]


def key_of(side: object) -> UUID | None:
    """The key that an encrypted value names. A plain document of an older version may look almost like one."""
    if not isinstance(side, dict) or side.keys() != {"$personal", "$key"}:
        return None
    try:
        return UUID(str(side["$key"]))
    except ValueError:
        return None


def to_read(row: AnyRow, keys: Mapping[UUID, SubjectKey | None]) -> dict[str, Any]:
    """`row` as its values were: personal ones decrypted (or `$erased`, `$unreadable`), plain names without escapes."""
    changes: dict[str, dict[str, Any]] = {}
    for field, sides in row.changes.items():
        changes[field] = {"old": None, "new": None}
        for name, side in sides.items():
            place = Place(row.entity, row.entity_id, field)
            changes[field][name] = value_of(side, place, keys)
    return {**row._mapping, "changes": changes}


def value_of(side: Any, place: Place, keys: Mapping[UUID, SubjectKey | None]) -> Any:
    """The value that a change entry stores as `side`. A secret stays a digest.

    Of a personal value or a secret that came past the application, the database could only keep a digest.
    """
    if isinstance(side, dict) and side.keys() == EXTERNAL:
        return UNREADABLE
    name = key_of(side)
    if name is None:
        return unescape_names(side)
    if name not in keys:
        return ERASED
    key = keys[name]
    return UNREADABLE if key is None else decrypt_value(key, place, side)
