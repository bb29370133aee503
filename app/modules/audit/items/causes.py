"""Folds the entries of an item that say nothing but that it has a new version into what caused them.

A change of the grants of a role is a new version of the role, with entries of its own for the grants.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlmodel import SQLModel

from app.core.db.audited import audited_models
from app.core.db.session import ReadSession, Session
from app.core.db.targets import target_of
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.items.repository import CauseRepository
from app.modules.audit.items.states import BOOKKEEPING
from app.modules.audit.schemas import Item

NOTHING_ELSE = frozenset({"version", "updated_at"})
Document = dict[str, Any]


@cache
def columns_of_parts(entity: str) -> Mapping[str, tuple[str, ...]]:
    """The tables whose rows cannot be without a row of `entity`, each with the columns that refer to it.

    Tables between two others are not among them: their entries are in the histories of both sides.
    """
    table, found = SQLModel.metadata.tables[entity], defaultdict[str, list[str]](list)
    for name in (name for name, model in audited_models().items() if model.links_to is None):
        for column in SQLModel.metadata.tables[name].columns:
            if column.foreign_keys and not column.nullable and not column.primary_key and target_of(column) is table:
                found[name].append(column.name)
    return {name: tuple(columns) for name, columns in found.items()}


async def fold_versions(
    session: ReadSession | Session, item: Item, entries: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """`entries`; those with nothing but a version have what the same call changed in rows that belong to the item.

    The name of the table stands among the changes, with the rows before (`old`) and after (`new`).
    """
    parts = columns_of_parts(item.entity)
    calls = {entry["call_id"] for entry in entries if is_bare(entry)}
    causes = await read_causes(session, item, calls) if calls and parts else {}
    return [
        {**entry, "changes": {**causes[entry["call_id"]], **entry["changes"]}}
        if is_bare(entry) and entry["call_id"] in causes
        else entry
        for entry in entries
    ]


def is_bare(entry: Mapping[str, Any]) -> bool:
    """Whether it is an update of nothing but the version. Entries of older versions do not name their call."""
    return entry["call_id"] is not None and entry["changes"].keys() <= NOTHING_ELSE


async def read_causes(session: ReadSession | Session, item: Item, calls: set[Any]) -> dict[Any, Document]:
    """For each call, `{table: {old, new}}` with the rows of the item that it changed."""
    parts = columns_of_parts(item.entity)
    rows = CauseRepository(session)
    entries = await decrypt(session, await rows.of_calls(calls, parts))
    created = await decrypt(session, await rows.creations(parts, {entry["entity_id"] for entry in entries}))
    references = references_of([*created, *entries])
    causes: dict[Any, Document] = defaultdict(lambda: defaultdict(lambda: {"old": [], "new": []}))
    for entry in entries:
        known = references[entry["entity"], entry["entity_id"]]
        if str(item.entity_id) in {known.get(name) for name in parts[entry["entity"]]}:
            for side in ("old", "new"):
                if entry["action"] != {"old": "create", "new": "delete"}[side]:
                    document = row_of(entry, side, known)
                    causes[entry["call_id"]][entry["entity"]][side].append(document)
    return causes


def references_of(entries: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Document]:
    """The foreign keys of each row, as far as `entries` tell; the later ones count."""
    found: dict[tuple[str, str], Document] = defaultdict(dict)
    for entry in entries:
        table = SQLModel.metadata.tables[entry["entity"]]
        for name, sides in entry["changes"].items():
            if name in table.c and table.c[name].foreign_keys:
                found[entry["entity"], entry["entity_id"]][name] = sides["new"] or sides["old"]
    return found


def row_of(entry: Mapping[str, Any], side: str, references: Document) -> Document:
    """A row before or after its entry: its id, what it refers to, and what changed, without bookkeeping."""
    changes = {name: sides[side] for name, sides in entry["changes"].items() if name not in BOOKKEEPING}
    return {"id": entry["entity_id"], **references, **changes}
