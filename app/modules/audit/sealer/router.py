"""Endpoints about the seal of the logs: checkpoints, keys and proofs."""

from base64 import b64encode
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse

from app.core.db.session import ReadSession
from app.core.http.dependencies import get_read_session
from app.core.http.guards import requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.audit.requests.backlog import read_backlog
from app.modules.audit.schemas import MAX_NUMBER
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.schemas import AuditStatus, ConsistencyProof, InclusionProof
from app.modules.audit.sealer.status import read_archives, read_status

router = Router(prefix="/audit", tag="seal", about="The seal of the audit log: checkpoints, keys and proofs.")

Reads = Annotated[ReadSession, Depends(get_read_session)]
ABOUT_LOG = "The log: `changes` or `access`."
ChosenLog = Annotated[Log, Query(description=ABOUT_LOG)]
LogInPath = Annotated[Log, Path(description=ABOUT_LOG)]
LogSize = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="A number of entries.")]
LeastSize = Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="The least number of entries it covers.")]
OlderSize = Annotated[int, Query(alias="from", ge=0, le=MAX_NUMBER, description="The smaller number of entries.")]
NewerSize = Annotated[int | None, Query(alias="to", ge=0, le=MAX_NUMBER, description="The larger number of entries.")]
MAY_BE_UNSEALED: dict[int | str, dict[str, Any]] = {HTTPStatus.NOT_FOUND: {}}
WHOLE_LOG = [requires("audit:read", durable_audit=True)]


@router.get("/checkpoint", response_class=PlainTextResponse, responses=MAY_BE_UNSEALED, dependencies=WHOLE_LOG)
async def get_checkpoint(session: Reads, log: ChosenLog = Log.changes) -> bytes:
    """Get the newest checkpoint of a log: a signed note (C2SP), with the cosignatures of witnesses."""
    sealed = SealedLog(session, log)
    return bytes(await sealed.note(await sealed.find_newest()))


@router.get("/checkpoints", response_class=PlainTextResponse, responses=MAY_BE_UNSEALED, dependencies=WHOLE_LOG)
async def get_older_checkpoint(session: Reads, size: LogSize, log: ChosenLog = Log.changes) -> bytes:
    """Get the oldest checkpoint of a log that covers `size` entries."""
    sealed = SealedLog(session, log)
    return bytes(await sealed.note(await sealed.find_covering(size)))


@router.get("/key", response_class=PlainTextResponse, dependencies=WHOLE_LOG)
async def get_keys(session: Reads, log: ChosenLog = Log.changes) -> bytes:
    """Get the keys that verify the checkpoints of a log (`name+id+key`, one on each line), the newest first."""
    return "".join(f"{key}\n" for key in await SealedLog(session, log).keys()).encode()


@router.get("/proofs/{log}/{seq}", response_model=InclusionProof, dependencies=WHOLE_LOG)
async def prove_inclusion(
    session: Reads,
    log: LogInPath,
    seq: Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The place of the entry in the log.")],
    size: LeastSize = None,
) -> Any:
    """Prove that a checkpoint covers an entry: the newest one, or the oldest of `size` entries or more."""
    sealed = SealedLog(session, log)
    checkpoint = await sealed.find_newest() if size is None else await sealed.find_covering(size)
    path = await sealed.prove_inclusion(seq, checkpoint.size)
    return InclusionProof(
        log=log,
        seq=seq,
        size=checkpoint.size,
        entry=(await sealed.entry(seq)).decode(),
        path=to_base64(path),
        checkpoint=bytes(await sealed.note(checkpoint)).decode(),
    )


@router.get("/consistency/{log}", response_model=ConsistencyProof, dependencies=WHOLE_LOG)
async def prove_consistency(session: Reads, log: LogInPath, from_size: OlderSize, to_size: NewerSize = None) -> Any:
    """Prove that a log only grew from one size to another, by default that of the newest checkpoint."""
    sealed = SealedLog(session, log)
    if to_size is None:
        to_size = (await sealed.find_newest()).size
    path = await sealed.prove_consistency(from_size, to_size)
    return ConsistencyProof(log=log, from_size=from_size, to_size=to_size, path=to_base64(path))


@router.get("/status", response_model=AuditStatus, dependencies=WHOLE_LOG)
async def get_status(request: Request, session: Reads) -> AuditStatus:
    """Get how far both logs are sealed, and how much of the access log waits on the disk of this host."""
    settings = state_of(request).settings
    witnesses = [witness.key for witness in settings.audit.witnesses]
    logs = [await read_status(session, log, witnesses) for log in Log]
    backlog = await read_backlog(session, settings.state_dir / "spool")
    return AuditStatus(
        logs=logs,
        unshipped_bytes=backlog.bytes,
        unshipped_seconds=backlog.seconds,
        archives=await read_archives(session),
    )


def to_base64(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in hashes]
