"""Audit endpoints. They only read, and each read is itself logged, synced to disk."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from starlette.background import BackgroundTask

from app.core.db.pagination import Page, RowPage
from app.core.errors import invalid
from app.core.http.dependencies import read_only
from app.core.http.file_export import ZipResponse, read_file_kind, to_file
from app.core.http.guards import requires_in_some_module
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.audit.calls.schemas import CallQuery, CallRead
from app.modules.audit.erasure.router import router as erasure_router
from app.modules.audit.exports.service import ExportService
from app.modules.audit.feed.router import router as feed_router
from app.modules.audit.own.router import router as own_router
from app.modules.audit.schemas import (
    AUDIT,
    MAX_NUMBER,
    WINDOW_HEADER,
    AccessQuery,
    AccessRead,
    ChangeQuery,
    ChangeRead,
    EntryQuery,
)
from app.modules.audit.sealer.archived import ARCHIVED_MONTHS
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.router import MAY_BE_UNSEALED
from app.modules.audit.sealer.router import router as seal_router
from app.modules.audit.service import AccessService, CallService, ChangeService, EvidenceService, TimelineService
from app.modules.audit.summary.router import router as summary_router
from app.modules.audit.timeline.schemas import TimelineEntry, TimelineQuery

router = Router(
    "audit",
    name="Audit",
    group="System",
    icon="shield",
    sort_order=90,
    about="The audit log: the access log (every request) and the change log (every changed row).",
)

IN_MEMORY, PIECE_BYTES = 4 * 1024 * 1024, 64 * 1024
"""Bytes of evidence that stay in memory, and that are sent at a time."""


Accesses = Annotated[AccessService, read_only(AccessService)]
Changes = Annotated[ChangeService, read_only(ChangeService)]
Calls = Annotated[CallService, read_only(CallService)]
Exports = Annotated[ExportService, read_only(ExportService)]
Evidences = Annotated[EvidenceService, read_only(EvidenceService)]
Timelines = Annotated[TimelineService, read_only(TimelineService)]
FileKind = Annotated[str | None, Depends(read_file_kind)]
AUDIT_READ = [requires_in_some_module("audit:read", AUDIT, durable_audit=True)]
WINDOWED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "headers": {
            WINDOW_HEADER: {
                "description": "The period of `at` in which the filters looked (ISO 8601): from its beginning on, and"
                " before its end. Absent where they looked in the whole log.",
                "schema": {"type": "string", "maxLength": 64, "pattern": "^[0-9T:.Z-]+/[0-9T:.Z-]+$"},
            },
            **ARCHIVED_MONTHS,
        }
    }
}


async def flush_access_log(request: Request) -> None:
    """Ship every entry of this process first, so that the response includes it."""
    await state_of(request).access_log.flush()


@router.get(
    "/access",
    response_model=Page[AccessRead],
    responses=WINDOWED | MAY_BE_UNSEALED,
    dependencies=[*AUDIT_READ, Depends(flush_access_log)],
)
async def list_accesses(
    request: Request, accesses: Accesses, exports: Exports, kind: FileKind, query: Annotated[AccessQuery, Query()]
) -> RowPage | Response:
    """List the access log: every request, whatever its end. Filters without an index look in a window of 31 days.

    In a window with very many entries, a page can be short or empty, and have a `next_cursor`. A file has what is
    sealed, in the order of the log, and a trailer to check it by.
    """
    return await accesses.page(query) if kind is None else await to_export(request, exports, Log.access, query, kind)


@router.get("/changes", response_model=Page[ChangeRead], responses=WINDOWED | MAY_BE_UNSEALED, dependencies=AUDIT_READ)
async def list_changes(
    request: Request, changes: Changes, exports: Exports, kind: FileKind, query: Annotated[ChangeQuery, Query()]
) -> RowPage | Response:
    """List the change log: every changed row, before and after. Filters without an index look in a window of 31 days.

    The window is the last 31 days, unless `at_gte` or `at_lt` say otherwise. In one with very many entries, a page can
    be short or empty, and have a `next_cursor`. A file has what is sealed, in the order of the log, and a trailer to
    check it by.
    """
    return await changes.page(query) if kind is None else await to_export(request, exports, Log.changes, query, kind)


async def to_export(request: Request, exports: ExportService, log: Log, query: EntryQuery, kind: str) -> Response:
    """The file of the sealed entries that match `query`."""
    refuse_fields(query)
    chunks = await exports.begin(log, query, kind, state_of(request).settings.limits.request_seconds)
    return to_file(chunks, f"audit-{log}", kind)


@router.get("/changes/{id}", response_model=ChangeRead, dependencies=AUDIT_READ)
async def get_change(
    changes: Changes, id: Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The number of the entry.")]
) -> Any:
    """Get an entry of the change log."""
    return await changes.get(id)


@router.get(
    "/evidence/access",
    response_class=ZipResponse,
    responses=MAY_BE_UNSEALED,
    dependencies=[*AUDIT_READ, Depends(flush_access_log)],
)
async def get_evidence_of_accesses(
    request: Request, evidence: Evidences, query: Annotated[AccessQuery, Query()]
) -> ZipResponse:
    """Get sealed access entries as a zip, with what proves them: `python verify_audit.py` in it verifies them."""
    return await to_zip(request, evidence, Log.access, query)


@router.get("/evidence/changes", response_class=ZipResponse, responses=MAY_BE_UNSEALED, dependencies=AUDIT_READ)
async def get_evidence_of_changes(
    request: Request, evidence: Evidences, query: Annotated[ChangeQuery, Query()]
) -> ZipResponse:
    """Get sealed change entries as a zip, with what proves them: `python verify_audit.py` in it verifies them."""
    return await to_zip(request, evidence, Log.changes, query)


def refuse_fields(query: EntryQuery) -> None:
    """Raise Invalid where a file of sealed entries should have some fields only: an entry is proved as a whole."""
    if query.fields is not None:
        raise invalid("/query/fields", "A file of sealed entries has all of their fields.", "whole-entries")


async def to_zip(request: Request, evidence: EvidenceService, log: Log, query: EntryQuery) -> ZipResponse:
    """The evidence of what matches `query`, which is complete before the response begins."""
    refuse_fields(query)
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the response
    try:
        seconds = state_of(request).settings.limits.request_seconds
        await evidence.write(cast("IO[bytes]", file), log, query, seconds)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    headers = {"Content-Disposition": f'attachment; filename="evidence-{log}.zip"', "Content-Length": str(size)}
    return ZipResponse(read_pieces(file), headers=headers, background=BackgroundTask(file.close))


async def read_pieces(file: "SpooledTemporaryFile[bytes]") -> AsyncIterator[bytes]:
    """The content of a file, which is closed at its end."""
    with file:
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


@router.get("/calls/{call_id}", response_model=CallRead, dependencies=[*AUDIT_READ, Depends(flush_access_log)])
async def get_call(calls: Calls, call_id: UUID, query: Annotated[CallQuery, Query()]) -> Any:
    """Get a request, or the work of a job, with its changes: who, why, and from which value to which."""
    return await calls.get(call_id, query)


@router.get(
    "/actors/{id}/timeline",
    response_model=Page[TimelineEntry],
    responses=WINDOWED,
    dependencies=[*AUDIT_READ, Depends(flush_access_log)],
)
async def get_timeline(timelines: Timelines, id: UUID, query: Annotated[TimelineQuery, Query()]) -> RowPage:
    """List what a user or an API key did: requests, changes, and attempts to sign in as the user, newest first."""
    return await timelines.page(id, query)


ROUTERS = (router, feed_router, seal_router, summary_router, erasure_router, own_router)
