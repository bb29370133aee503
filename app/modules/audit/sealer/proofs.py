"""Reads what is sealed of a log: its checkpoints, and proofs that they cover an entry, or each other."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit.changes.reading import check_unmasked
from app.modules.audit.entries.canonical import encode
from app.modules.audit.models import AuditRun
from app.modules.audit.seal.note import Note, Signature, VerifierKey
from app.modules.audit.seal.proofs import ProofPlan, plan_consistency, plan_inclusion
from app.modules.audit.seal.tiles import read_nodes, tile_of
from app.modules.audit.sealer.archived import check_not_archived
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditCosignature, AuditSealKey
from app.modules.audit.sealer.store import find_tiles

checkpoints, cosignatures = table_of(AuditCheckpoint), table_of(AuditCosignature)
keys, runs = table_of(AuditSealKey), table_of(AuditRun)


class SealedLog:
    """What is sealed of one log."""

    def __init__(self, session: ReadSession | Session, log: Log) -> None:
        self.session = session
        self.log = log

    async def find_newest(self) -> AnyRow:
        """The newest checkpoint. Raises NotFound before the first one."""
        return await self.find_first(checkpoints.c.size.desc(), checkpoints.c.id.desc())

    async def find_covering(self, size: int) -> AnyRow:
        """The oldest checkpoint that covers `size` entries. Raises NotFound where none does yet."""
        return await self.find_first(checkpoints.c.size, checkpoints.c.id, size=size)

    async def find_first(self, *order: ColumnElement[Any], size: int = 0) -> AnyRow:
        chosen = checkpoints.c.log == self.log.value, checkpoints.c.size >= size
        row = await self.session.first(select(checkpoints).where(*chosen).order_by(*order).limit(1))
        if row is None:
            raise NotFound(f"The log {self.log} has no checkpoint of {size} entries.")
        return row

    async def note(self, checkpoint: AnyRow) -> Note:
        """The note of a checkpoint, with the cosignatures that witnesses gave."""
        mine = cosignatures.c.checkpoint_id == checkpoint.id
        rows = await self.session.all(select(cosignatures).where(mine).order_by(cosignatures.c.witness))
        return Note.parse(checkpoint.note.encode()).add(*(Signature.parse(row.signature) for row in rows))

    async def keys(self) -> list[VerifierKey]:
        """The keys that verify the checkpoints, the newest first."""
        mine = select(keys).where(keys.c.log == self.log.value).order_by(keys.c.at.desc(), keys.c.id)
        return [VerifierKey.parse(row.key) for row in await self.session.all(mine)]

    async def entry(self, seq: int) -> bytes:
        """The canonical bytes of the entry at a place. Raises NotFound where none is sealed or stored, Forbidden."""
        found = await self.session.first(select(self.log.table).where(self.log.table.c.id == await self.id_at(seq)))
        if found is None:
            await check_not_archived(self.session, self.log, seq)
            raise NotFound(f"The entry {seq} of the log {self.log} is missing.")
        if self.log is Log.changes:
            check_unmasked(self.session, [found])
        return encode(dict(found._mapping))

    async def id_at(self, seq: int) -> int:
        """The number of the entry at a place. Raises NotFound where none is sealed."""
        before = runs.c.log == self.log.value, runs.c.first_seq <= seq
        run = await self.session.first(select(runs).where(*before).order_by(runs.c.first_seq.desc()).limit(1))
        if run is None or seq >= run.first_seq + run.length:
            raise NotFound(f"The log {self.log} has no sealed entry {seq}.")
        return int(run.first_id + seq - run.first_seq)

    async def prove_inclusion(self, seq: int, size: int) -> Sequence[bytes]:
        """The proof that the tree of `size` entries has the one at a place. Raises NotFound where it has not."""
        if not 0 < seq <= size:
            raise NotFound(f"A log of {size} entries has no entry {seq}.")
        return await self.build(plan_inclusion(seq - 1, size))

    async def prove_consistency(self, old_size: int, new_size: int) -> Sequence[bytes]:
        """The proof that the tree of `new_size` entries begins with that of `old_size`.

        Raises NotFound where there are not so many.
        """
        newest = await self.find_newest()
        if not 0 <= old_size <= new_size <= newest.size:
            raise NotFound(
                f"The log {self.log} has not these sizes, one after the other; it has {newest.size} entries."
            )
        return await self.build(plan_consistency(old_size, new_size))

    async def build(self, plan: ProofPlan) -> Sequence[bytes]:
        nodes = plan.nodes
        tiles = await find_tiles(self.session, self.log, sorted({tile_of(node) for node in nodes}))
        return plan.build(read_nodes(nodes, tiles))


async def count_sealed(database: Database, log: Log) -> int:
    """How many entries the newest checkpoint of a log covers; 0 before the first one."""
    try:
        newest = await SealedLog(database.read_session(RequestContext.for_job("count")), log).find_newest()
    except NotFound:
        return 0
    return int(newest.size)


async def find_cosigned(session: ReadSession, log: Log, witness: str) -> AnyRow | None:
    """The newest checkpoint of a log that a witness has cosigned, and when (`cosigned_at`)."""
    joined = cosignatures.join(checkpoints, checkpoints.c.id == cosignatures.c.checkpoint_id)
    mine = cosignatures.c.witness == witness, checkpoints.c.log == log.value
    last = select(checkpoints.c.id, checkpoints.c.size, cosignatures.c.at.label("cosigned_at"))
    return await session.first(last.select_from(joined).where(*mine).order_by(checkpoints.c.id.desc()).limit(1))
