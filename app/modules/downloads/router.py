"""Endpoints of one-time addresses."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.core.context import Principal
from app.core.errors import Forbidden, NotFound, invalid
from app.core.http.dependencies import Caller, transactional
from app.core.http.file_export import ZipResponse
from app.core.http.file_formats import EXPORT_TYPES
from app.core.http.guards import RESUMED_SESSION, Public, authenticated
from app.core.http.inner_request import InnerRequest, find_file
from app.core.http.parameters import NO_BODY
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.downloads.schemas import DownloadCreate, DownloadRead
from app.modules.downloads.service import DownloadService, ListAddress, open_address

router = Router(
    prefix="/downloads", tag="downloads", about="One-time addresses of lists as files and of evidence, for plain links."
)


class OneTimeAddress(Public):
    """Admits a request with an unused address, as the session that asked for it. The list has a guard of its own.

    A HEAD leaves the address to be used.
    """

    async def __call__(self, request: Request) -> str:
        state, context = state_of(request), context_of(request)
        token = request.query_params.get("token", "")
        target = await open_address(state.database, context, token, uses_up=request.method != "HEAD")
        request.scope[RESUMED_SESSION] = target.session_id
        request.state.list_address = target
        await state.authenticator.resume(target.session_id, context)
        return "download"


FILES = (*EXPORT_TYPES, ZipResponse.media_type)
Downloads = Annotated[DownloadService, transactional(DownloadService)]
Token = Annotated[str, Query(description="The token of the address.", min_length=1, max_length=100)]


@router.post("", status_code=HTTPStatus.CREATED, dependencies=[authenticated(session_only=True)])
async def create_download(
    request: Request, principal: Caller, downloads: Downloads, data: DownloadCreate
) -> DownloadRead:
    """Make an address by which a browser downloads a file, once and within a minute, by a plain link.

    It is that of a list, of evidence, or of a job. Your permissions are checked now, and again when the address is
    used; it ends with the session.
    """
    inner = find_file(request, data.path, data.query.removeprefix("?"))
    if inner is None:
        raise invalid("/body/path", "There is neither a list nor a file at this path.", "not-a-list")
    await check_call(inner, principal)
    token, expires_at = await downloads.create(session_of(principal), data.path, data.query.removeprefix("?"))
    return DownloadRead(url=f"{quote(request.scope['path'])}/file?token={token}", expires_at=expires_at)


@router.get(
    "/file",
    response_class=StreamingResponse,
    responses={HTTPStatus.OK: {"content": {kind: {"schema": {"type": "string"}} for kind in FILES}}},
    dependencies=[Depends(OneTimeAddress(durable_audit=True))],
)
async def get_download(request: Request, token: Token) -> Response:  # noqa: ARG001  # the guard reads it
    """Download the file for which the address was made. The access log has the request as one for that file."""
    target: ListAddress = request.state.list_address
    inner = find_file(request, target.path, target.query)
    if inner is None:
        raise NotFound("The file is no longer there.")
    response = await inner.respond_instead(request)
    context_of(request).reset_result()  # the response has its headers
    return response


def session_of(principal: Principal) -> UUID:
    """The session of the caller. Raises Forbidden for an API key."""
    if principal.session_id is None:
        raise Forbidden("An API key cannot do this; sign in.")
    return principal.session_id


async def check_call(inner: InnerRequest, principal: Principal) -> None:
    """Raise Forbidden, Invalid or RequestValidationError for a request that the endpoint would refuse."""
    inner.authorize(principal)
    if inner.route.item is not None and (inner.options is None or inner.options.format is None):
        raise invalid("/body/query", "Choose a file, such as format=csv.", "no-format")
    await inner.route.plan.read_arguments(inner.request, NO_BODY)
