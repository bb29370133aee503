"""The single translation of failures to RFC 9457 problem+json."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from app.core.constraints import explain
from app.core.context import RequestContext
from app.core.errors import DryRun, FieldError, Invalid, Problem

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
"""Field errors in one answer; whoever sends garbage gets no larger answer for more of it."""
MAX_NAME = 100
"""Characters of a name in a pointer."""


def render(
    status: int,
    code: str,
    detail: str,
    path: str,
    context: RequestContext,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem response; also leaves its code on the context, for the access row."""
    context.error_code = code
    title = HTTPStatus(status).phrase
    body = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "detail": detail or f"{title}.",
        "instance": path,
        "code": code,
        "request_id": context.request_id,
    }
    if errors is not None:
        body["errors"] = list(errors)
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def respond(problem: Problem, path: str, context: RequestContext) -> Response:
    return render(problem.status, problem.code, problem.detail, path, context, problem.errors, problem.extra_headers)


def crashed(path: str, context: RequestContext) -> Response:
    """The answer to our own failure: the request id, and nothing of the cause."""
    detail = "Something failed on our side; quote the request id."
    return render(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail, path, context)


def escaped(part: object) -> str:
    """A part of a JSON pointer (RFC 6901), shortened: names come from whoever sent them."""
    return str(part)[:MAX_NAME].replace("~", "~0").replace("/", "~1")


def field_errors(errors: Sequence[Mapping[str, Any]], prefix: tuple[str, ...] = ()) -> list[FieldError]:
    """Pydantic's errors without `input`, `ctx` and `url`: those would echo what the client sent, passwords included."""
    return [
        {
            "pointer": "".join(f"/{escaped(part)}" for part in (*prefix, *error["loc"])),
            "detail": str(error["msg"]).removeprefix("Value error, "),
            "code": str(error["type"]).replace("_", "-"),
        }
        for error in errors
    ]


def unprocessable(errors: list[FieldError]) -> Invalid:
    detail = f"The request has {len(errors)} invalid field{'s' * (len(errors) != 1)}."
    return Invalid(detail, errors=errors[:MAX_ERRORS])


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Every method that some route serves on `path`; Starlette's own answer names the first route only."""
    methods: set[str] = set()
    for route in iter_route_contexts(app.routes):
        scope = {"type": "http", "path": path, "method": "", "root_path": "", "headers": []}
        if route.methods and route.matches(scope)[0] is not Match.NONE:
            methods |= set(route.methods)
    return sorted(methods)


CODES = {400: "malformed-request", 413: "content-too-large"}
"""Where the phrase of the status is not the code."""


def install(app: FastAPI) -> None:
    """Make `app` answer every failure below the middleware as a problem."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("unavailable", code=error.code, cause=type(error.__cause__).__name__)
        return respond(error, request.url.path, request.state.context)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        return respond(unprocessable(field_errors(error.errors())), request.url.path, request.state.context)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        path = request.url.path
        detail = str(error.detail)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(allowed_methods(app, path))
            detail = f"{request.method} is not allowed here; try {headers['Allow']}."
        elif error.status_code == HTTPStatus.NOT_FOUND:
            detail = "Nothing lives at this address."
        code = CODES.get(error.status_code, HTTPStatus(error.status_code).phrase.lower().replace(" ", "-"))
        return render(error.status_code, code, detail, path, request.state.context, headers=headers)

    install_database(app)


def install_database(app: FastAPI) -> None:
    """What the database refuses, and what was only a question, become answers too."""

    @app.exception_handler(SQLAlchemyError)
    async def _database(request: Request, error: SQLAlchemyError) -> Response:
        problem = explain(error)
        if problem is None:
            raise error
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("database_refused", code=problem.code, cause=type(error).__name__)
        return respond(problem, request.url.path, request.state.context)

    @app.exception_handler(DryRun)
    async def _dry_run(_request: Request, done: DryRun) -> Response:
        return Response(orjson.dumps(done.answer), HTTPStatus.OK, media_type="application/json")
