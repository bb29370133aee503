"""The document of the API for programs that draw screens: in production too, for callers who are signed in."""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from app.core.http.assets import Asset
from app.core.http.guards import authenticated
from app.core.http.router import Router
from app.core.http.state import state_of
from app.core.openapi.packed import pack_document
from app.core.openapi.schemas import reference

router = Router(prefix="/document", about="The document of the API, for programs that draw screens of it.")


TAGGED: dict[int | str, dict[str, Any]] = {HTTPStatus.OK: {"headers": {"ETag": reference("headers", "ETag")}}}


@router.get("", response_model=dict[str, Any], responses=TAGGED, dependencies=[authenticated(allow_restricted=True)])
async def get_document(request: Request) -> Response:
    """Get what a screen needs of this document: lists, what can be done with their items, and the fields of both.

    It is the same for all callers, until the next release. `x-resource` says what a list is of, and `x-access`
    what an operation asks. The server decides all the same.
    """

    def build() -> Asset:
        document = orjson.dumps(pack_document(request.app.openapi()))
        return Asset.build(document, "application/json", Cache_Control="private, no-cache")

    asset = await state_of(request).assets.get("document", build)
    return asset.to_response(request.headers)
