"""How far a log is sealed, for operators: its size, its lag and its witnesses."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, AnySelect, ReadSession
from app.modules.audit.seal.checkpoint import CosignerKey
from app.modules.audit.seal.tree import Tree
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCosignature, AuditSeal
from app.modules.audit.sealer.order import Order, order_of
from app.modules.audit.sealer.proofs import find_cosigned
from app.modules.audit.sealer.schemas import ArchiveStatus, LogStatus, WitnessStatus
from app.modules.audit.sealer.store import find_seal, is_set_back

logger = structlog.get_logger(__name__)

RECENT = 1000
"""Cosignatures among which witnesses are looked for that the settings do not name."""
cosignatures = table_of(AuditCosignature)


async def read_status(session: ReadSession, log: Log, witnesses: Sequence[str]) -> LogStatus:
    """The status of a log, with that of `witnesses` (verifier keys) and of those that cosigned recently."""
    lag = await measure_lag(session, log)
    seal = await find_seal(session, log) or AuditSeal(log=log.value, tree=bytes(Tree()))
    known = [await read_witness(session, log, key) for key in await find_witnesses(session, witnesses)]
    return LogStatus(
        log=log,
        size=Tree.parse(seal.tree).size,
        oldest_at=await find_oldest(session, log),
        epoch=seal.epoch,
        checkpoint_at=seal.checkpoint_at,
        lag_seconds=lag,
        witnesses=known,
        witnessed_size=max(seal.witnessed_size, *(witness.size or 0 for witness in known), 0),
        is_set_back=is_set_back(seal),
    )


async def find_oldest(session: ReadSession, log: Log) -> datetime | None:
    """When the oldest entry was made that is in the database."""
    at: datetime | None = await session.value(select(log.table.c.at).order_by(log.table.c.at, log.table.c.id).limit(1))
    return at


async def read_archives(session: ReadSession) -> list[ArchiveStatus]:
    """What was archived of both logs."""
    return [
        ArchiveStatus(
            log=log,
            month=row.month,
            **{name: row.manifest[name] for name in ("count", "first_seq", "last_seq")},
            is_dropped=row.is_dropped,
            place=row.place,
            at=row.at,
        )
        for log in Log
        for row in await find_archives(session, log)
    ]


async def find_witnesses(session: ReadSession, named: Sequence[str]) -> list[str]:
    """The verifier keys of the witnesses that are `named`, and of those that cosigned recently."""
    recent = select(cosignatures.c.witness).order_by(cosignatures.c.checkpoint_id.desc()).limit(RECENT).subquery()
    rows = await session.all(select(recent.c.witness).distinct().order_by(recent.c.witness))
    return list(dict.fromkeys([*named, *(row.witness for row in rows)]))


async def read_witness(session: ReadSession, log: Log, key: str) -> WitnessStatus:
    last = await find_cosigned(session, log, key)
    name = CosignerKey.parse(key).name
    return WitnessStatus(name=name, verifier_key=key, size=last and last.size, at=last and last.cosigned_at)


async def measure_lag(session: ReadSession, log: Log) -> float:
    """For how many seconds the oldest entry has been stored that the next tick would seal; 0 where there is none.

    While an epoch begins: the oldest that it has not looked at.
    """
    order = order_of(is_sqlite=session.is_sqlite)
    position = await session.first(order.select_position(log))  # before the seal, which may be ahead of it then
    if position is None:
        raise RuntimeError("the database does not tell its position")
    seal = await find_seal(session, log)
    found = [await session.value(statement) for statement in select_waiting(order, log, seal, position)]
    ages = [(now() - at).total_seconds() for at in found if at is not None]
    return max(0.0, *ages) if ages else 0.0


def select_waiting(order: Order, log: Log, seal: AuditSeal | None, position: AnyRow) -> Iterator[AnySelect]:
    """Selects of when the first entries were stored that are not sealed."""
    is_begun = seal is not None and seal.cluster == position.cluster
    if seal is None or not is_begun or seal.sealed_snapshot is None:
        number = log.table.c.id
        begin = seal.after_id if seal is not None and is_begun else 0
        yield select(log.table.c.stored_at).where(number > begin).order_by(number).limit(1)
        return
    yield from order.select_waiting(log, seal, position.position)


async def warn_of_lag(database: Database) -> list[str]:
    """What /readyz says of a log whose seal is too far behind. Requests are served, even if that cannot be told."""
    session, most = database.read_session(RequestContext.for_job("warn")), database.settings.audit.max_lag
    try:
        lags = [(log, await measure_lag(session, log)) for log in Log]
    except DBAPIError as error:
        logger.warning("audit_lag_not_measured", cause=type(error).__name__)
        return ["How far the logs are sealed cannot be told."]
    return [f"The log {log} is {lag:.0f} s behind its seal." for log, lag in lags if lag > most]
