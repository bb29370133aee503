"""Finds the ids of other rows in changes."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from app.core.db import named


@cache
def references_of(entity: str) -> Mapping[str, str]:
    """The references of a table, each with the table that it refers to; none of a table that was dropped."""
    table = SQLModel.metadata.tables.get(entity)
    if table is None:
        return {}
    return {name: target.name for name, target in named.references_of(table).items()}


def find_references(entity: str, changes: Mapping[str, Any]) -> Iterator[tuple[str, UUID]]:
    """What the changed fields refer to, before and after: tables, and ids of rows.

    A history can have, under the name of a table, rows that belong to the item.
    """
    targets = references_of(entity)
    for field, sides in changes.items():
        for side in sides.values():
            if field in targets and (target := parse_id(side)) is not None:
                yield targets[field], target
            for row in side if isinstance(side, list) else ():
                if isinstance(row, dict):
                    yield from find_references(field, {name: {"new": value} for name, value in row.items()})


def parse_id(value: object) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
