"""Reads change entries as their values were: personal ones decrypted, plain documents without escapes.

What a caller may not read of an item, by the rules of its module, is masked here too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.changes.masks import Masks, masks_for
from app.modules.audit.changes.personal_data import (
    ERASED,
    MASKED,
    UNREADABLE,
    SubjectKey,
    decrypt_value,
    keys_table,
    unwrap_or_report,
)
from app.modules.audit.changes.place import Place
from app.modules.audit.entries.canonical import unescape_names
from app.modules.audit.schemas import Item

EXTERNAL = {"$external", "$salt"}
"""The names in what the triggers of `backstop.py` write of a value that they may not show."""


async def decrypt(
    session: ReadSession | Session, entries: Sequence[AnyRow], item: Item | None = None
) -> list[dict[str, Any]]:
    """`entries` with their personal values decrypted, except for those that the caller may not read.

    Of `item`, whose entries they are, that depends on its row.
    """
    masks = await masks_for(session, item)
    ids = {name for row in entries for side in sides_of(row, masks) if (name := key_of(side))}
    rows = await session.all(select(keys_table).where(keys_table.c.id.in_(ids))) if ids else ()
    keys = {row.id: unwrap_or_report(session.keys.personal, row) for row in rows}
    return [to_read(row, keys, masks) for row in entries]


def check_unmasked(session: ReadSession | Session, entries: Iterable[AnyRow]) -> None:
    """Raise Forbidden for an entry that shows a value which the caller may not read, unless it is encrypted.

    What proves an entry has all of its bytes. They tell that there was no value.
    """
    masks = Masks(session.context)
    for row in entries:
        for field, sides in row.changes.items():
            shown = [side for side in sides.values() if side is not None and key_of(side) is None]
            if shown and masks.has(row.entity, field):
                masks.refuse(row.entity, field)


def sides_of(row: AnyRow, masks: Masks) -> Iterator[Any]:
    """The stored values of an entry that the caller may read."""
    for field, sides in row.changes.items():
        if not masks.has(row.entity, field):
            yield from sides.values()


def key_of(side: object) -> UUID | None:
    """The key that an encrypted value names. A plain document of an older version may look almost like one."""
    if not isinstance(side, dict) or side.keys() != {"$personal", "$key"}:
        return None
    try:
        return UUID(str(side["$key"]))
    except ValueError:
        return None


def to_read(row: AnyRow, keys: Mapping[UUID, SubjectKey | None], masks: Masks) -> dict[str, Any]:
    """`row` as its values were: personal ones decrypted (or `$erased`, `$unreadable`), plain names without escapes.

    What the caller may not read is `$masked`, also where it was null.
    """
    changes: dict[str, dict[str, Any]] = {}
    for field, sides in row.changes.items():
        changes[field] = {"old": None, "new": None}
        is_masked = masks.has(row.entity, field)
        for name, side in sides.items():
            place = Place(row.entity, row.entity_id, field)
            changes[field][name] = MASKED if is_masked else value_of(side, place, keys)
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
