"""Endpoints of imports and exports by jobs."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from app.core.db.session import ReadSession
from app.core.errors import NotFound, invalid
from app.core.http.dependencies import Caller, RequestSession, get_read_session
from app.core.http.file_export import AttachmentResponse, to_file
from app.core.http.file_formats import FILE_TYPES
from app.core.http.file_options import DEFAULT
from app.core.http.guards import authenticated
from app.core.http.inner_request import find_file
from app.core.http.later import Accepted, accept
from app.core.http.parameters import NO_BODY
from app.core.http.router import Router
from app.core.http.sparse import chosen_fields
from app.core.http.state import context_of, state_of
from app.core.jobs import enqueue
from app.core.resources.declared import resources
from app.modules.transfers.jobs import admit_reader, write_export
from app.modules.transfers.schemas import ExportCreate, ExportOrder, TransferRead
from app.modules.transfers.service import TransferService, fetch_once, get_own, read_report

router = Router(
    prefix="/transfers", tag="transfers", about="Imports and exports that outlive their request, and their files."
)

ReadDatabase = Annotated[ReadSession, Depends(get_read_session)]
MEDIA_TYPES = {name: kind for kind, name in FILE_TYPES.items()}


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Accepted, dependencies=[authenticated()])
async def create_export(request: Request, session: RequestSession, caller: Caller, data: ExportCreate) -> Response:
    """Let a job write a list to a file, with the rows that you may read when it runs. `Location` is the job.

    Once it has succeeded, `/transfers/{id}/file` has the file, once and for a day.
    """
    order = await read_order(request, caller, data)
    job_id = await enqueue(session, write_export, order)
    name = f"{order.path.strip('/').replace('/', '-')}.{FILE_TYPES[order.kind]}"
    await TransferService(session).create(
        job_id, caller.user_id, is_import=False, path=order.path, media_type=order.kind, name=name
    )
    return accept(request, job_id)


@router.get("/{id}", response_model=TransferRead, dependencies=[authenticated()])
async def get_transfer(session: ReadDatabase, caller: Caller, id: UUID) -> Any:
    """Get what an import by a job did, line by line, or whether a file can be fetched. It is yours alone."""
    row = await get_own(session, caller, id)
    direction = "import" if row.is_import else "export"
    return TransferRead.model_validate(
        {**row._mapping, "direction": direction, "report": read_report(session.keys, row)}
    )


@router.get(
    "/{id}/file",
    response_class=AttachmentResponse,
    responses={HTTPStatus.OK: {"content": {kind: {"schema": {"type": "string"}} for kind in FILE_TYPES}}},
    dependencies=[authenticated()],
)
async def get_file(request: Request, session: ReadDatabase, caller: Caller, id: UUID) -> Response:
    """Fetch an exported file. It is removed once all of it was sent. The permissions to read it are needed still."""
    row = await get_own(session, caller, id)
    if not row.is_ready:
        raise NotFound("The file is not complete, or was fetched.")
    if row.path in resources:
        admit_reader(session, resources[row.path])
    chunks = fetch_once(state_of(request).database, context_of(request), id, row.size)
    return to_file(chunks, row.name.rpartition(".")[0], row.media_type)


async def read_order(request: Request, caller: Caller, data: ExportCreate) -> ExportOrder:
    """What a job is to export. Raises Problem for what the list would refuse, and for what is no list of items."""
    inner = find_file(request, data.path, data.query.removeprefix("?"))
    path = None if inner is None else inner.route.path_format.removeprefix(state_of(request).route_index.prefix)
    if inner is None or path not in resources:
        raise invalid("/body/path", "There is no list of items at this path.", "not-a-list")
    inner.authorize(caller)
    options = inner.options
    if options is None or options.format is None:
        raise invalid("/body/query", "Choose a file, such as format=csv.", "no-format")
    arguments = await inner.route.plan.read_arguments(inner.request, NO_BODY)
    arguments["query"].sort_fields()  # which refuses an order that there is not
    return ExportOrder(
        path=path,
        query=arguments["query"].model_dump(mode="json", exclude_unset=True, by_alias=True),
        fields=chosen_fields(arguments, inner.route.item),
        kind=MEDIA_TYPES[options.format],
        options=DEFAULT.model_copy(update=options.model_dump(exclude_unset=True)),
    )
