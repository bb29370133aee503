"""Adds names to the ids in a page of entries, by one select for each log."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.names.present import WantedNames
from app.modules.audit.names.references import find_references, parse_id

Entry = Mapping[str, Any]


async def name_requests(session: ReadSession | Session, rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Access entries with the names of their items, and of their users."""
    wanted = WantedNames()
    for row in rows:
        wanted.add_users(row.owner_id, row.subject_id)
        wanted.add_item(row.module, row.item_id)
    names = await wanted.read(session)
    return [
        {
            **row._mapping,
            "owner_name": names.get(row.owner_id),
            "item_name": names.get(row.item_id),
            "subject_name": names.get(row.subject_id),
        }
        for row in rows
    ]


async def show_changes(session: ReadSession | Session, rows: Sequence[AnyRow]) -> list[dict[str, Any]]:
    """Change entries as readers see them: with their personal values decrypted, and names."""
    return await name_changes(session, await decrypt(session, rows))


async def name_changes(session: ReadSession | Session, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Change entries with the names of their items and owners, and of what their fields refer to."""
    wanted = WantedNames()
    for entry in entries:
        wanted.add_users(entry["owner_id"])
        wanted.add(entry["entity"], parse_id(entry["entity_id"]))
        for table, target in find_references(entry["entity"], entry["changes"]):
            wanted.add(table, target)
    names = await wanted.read(session)
    return [
        {
            **entry,
            "owner_name": names.get(entry["owner_id"]),
            "item_name": names.get(parse_id(entry["entity_id"])),
            "names": {
                str(target): names[target]
                for _, target in find_references(entry["entity"], entry["changes"])
                if target in names
            },
        }
        for entry in entries
    ]
