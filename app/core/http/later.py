"""Answers before the work is done: 202 with the address of a job (RFC 9110, 15.3.3), which clients may prefer."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import Header, Request, Response
from pydantic import BaseModel

RESPOND_ASYNC, WAIT = "respond-async", "wait"

Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        max_length=200,
        description="`respond-async`: answer 202 at once, with the address of the job that does the work."
        " `wait`: answer when it is done.",
    ),
]


class Accepted(BaseModel):
    """Work that a job does."""

    id: UUID
    """The job; `Location` is its address."""


def preferences(request: Request) -> set[str]:
    """The names of the preferences of a request (RFC 7240)."""
    parts = (part for line in request.headers.getlist("prefer") for part in line.replace(";", ",").split(","))
    return {part.partition("=")[0].strip().lower() for part in parts}


def accept(request: Request, job: UUID) -> Response:
    """The answer to a request whose work `job` does."""
    place = f"{request.scope.get('root_path', '')}{request.app.url_path_for('get_job', id=job)}"
    headers = {"Location": quote(place)}
    if RESPOND_ASYNC in preferences(request):
        headers["Preference-Applied"] = RESPOND_ASYNC
    return Response(Accepted(id=job).model_dump_json(), HTTPStatus.ACCEPTED, headers, "application/json")
