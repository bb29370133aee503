"""Reads and writes what the sealer stores."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.core.db.entity import table_of
from app.core.db.session import ReadSession, Session
from app.modules.audit.models import AuditRun
from app.modules.audit.seal.note import Note, VerifierKey
from app.modules.audit.seal.tiles import Tile
from app.modules.audit.seal.tree import Tree
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditSeal, AuditSealKey, AuditTile

seals, runs, tiles = table_of(AuditSeal), table_of(AuditRun), table_of(AuditTile)
checkpoints, keys = table_of(AuditCheckpoint), table_of(AuditSealKey)


async def find_seal(session: Session | ReadSession, log: Log) -> AuditSeal | None:
    """How far a log is sealed; None before its first checkpoint."""
    row = await session.first(select(seals).where(seals.c.log == log.value))
    return None if row is None else AuditSeal(**row._mapping)


def is_set_back(seal: AuditSeal) -> bool:
    """Whether a witness knows more entries than the log has, and no operator has said to go on."""
    return seal.witnessed_size > max(Tree.parse(seal.tree).size, seal.accepted_size)


async def store_seal(session: Session, seal: AuditSeal) -> None:
    """Add or replace it."""
    await replace_rows(session, seals, [dict(seal.__dict__)])


async def find_tiles(session: Session | ReadSession, log: Log, wanted: Sequence[Tile]) -> dict[Tile, bytes]:
    """The tiles of `wanted` that there are."""
    if not wanted:
        return {}
    places = tuple_(tiles.c.level, tiles.c.number).in_([tuple(tile) for tile in wanted])
    rows = await session.all(select(tiles).where(tiles.c.log == log.value, places))
    return {Tile(row.level, row.number): row.nodes for row in rows}


async def store_tiles(session: Session, log: Log, changed: Mapping[Tile, bytes]) -> None:
    """Add tiles, or replace those that were extended."""
    rows = [{"log": log.value, **tile._asdict(), "nodes": nodes} for tile, nodes in changed.items()]
    await replace_rows(session, tiles, rows)


async def replace_rows(session: Session, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, each in place of the one with the same key."""
    added = (sqlite if session.is_sqlite else postgresql).insert(table)
    changed = {column.name: added.excluded[column.name] for column in table.columns if not column.primary_key}
    await session.execute(added.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed), rows)


async def store_runs(session: Session, log: Log, first_seq: int, ids: Sequence[int]) -> None:
    """Store the order of entries with rising numbers, the first of which has the place `first_seq`.

    Raises IntegrityError where the place is taken, or an entry is sealed already.
    """
    rows = [
        {"log": log.value, "first_seq": first_seq + at, "first_id": ids[at], "length": length}
        for at, length in split_into_runs(ids)
    ]
    await session.copy(runs, rows)


def split_into_runs(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where numbers in a row begin among `ids`, and how many they are."""
    start = 0
    for at in range(1, len(ids) + 1):
        if at == len(ids) or ids[at] != ids[at - 1] + 1:
            yield start, at - start
            start = at


async def store_checkpoint(session: Session, log: Log, size: int, at: datetime, note: Note) -> None:
    values = {"log": log.value, "size": size, "at": at, "note": bytes(note).decode()}
    await session.execute(insert(checkpoints).values(values))


async def store_key(session: Session, log: Log, key: VerifierKey, at: datetime) -> None:
    """Store a public key, unless it is known."""
    added = (sqlite if session.is_sqlite else postgresql).insert(keys).on_conflict_do_nothing()
    await session.execute(added.values(log=log.value, id=key.id.hex(), key=str(key), at=at))
