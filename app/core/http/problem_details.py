"""Translates failures to problem+json (RFC 9457), in one place."""

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

from app.core.context import RequestContext
from app.core.db.integrity import to_problem
from app.core.errors import (
    ContentTooLarge,
    DryRun,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooManyRequests,
    invalid_fields,
)
from app.core.field_errors import FieldError, field_errors
from app.core.http.root_path import route_path
from app.core.http.state import context_of, state_of
from app.core.sentences import Params

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
REFUSALS = {int(kind.status): kind.code for kind in (NotFound, MethodNotAllowed, ContentTooLarge)}
"""The codes of what Starlette and FastAPI refuse by themselves, by status. Any other refusal is `Malformed`."""


def problem_response(
    status: int,
    code: str,
    detail: str,
    path: str,
    context: RequestContext,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
    extension: Mapping[str, int | Params] | None = None,
) -> Response:
    """A problem response. Also stores its code on the context, for the access entry."""
    context.error_code = code
    body = problem_body(status, code, detail, path, context.request_id, errors, extension, context.root_path)
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_type(code: str, root_path: str) -> str:
    """The page that explains the code."""
    return f"{root_path}/problems/{code}"


def problem_body(
    status: int,
    code: str,
    detail: str,
    path: str,
    request_id: str,
    errors: Sequence[FieldError] | None = None,
    extension: Mapping[str, int | Params] | None = None,
    root_path: str = "",
) -> dict[str, Any]:
    """The members of a problem."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": problem_type(code, root_path),
        "title": title,
        "status": int(status),
        "detail": detail or f"{title}.",
        "instance": path,
        "code": code,
        "request_id": request_id,
        **(extension or {}),
    }
    if errors is not None:
        body["errors"] = list(errors)
    return body


def to_response(problem: Problem, path: str, context: RequestContext) -> Response:
    return problem_response(
        problem.status,
        problem.code,
        problem.detail,
        path,
        context,
        problem.errors,
        problem.extra_headers,
        problem.extension | ({"params": problem.params} if problem.params and problem.errors is None else {}),
    )


def internal_error(path: str, context: RequestContext) -> Response:
    """The response to a failure of our own: the request id, and nothing about the cause."""
    detail = "Something failed on our side; quote the request id."
    return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", detail, path, context)


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Every method that some route serves on `path`; Starlette's own response names the first route only."""
    methods: set[str] = set()
    for route in iter_route_contexts(app.routes):
        scope = {"type": "http", "path": path, "method": "", "root_path": "", "headers": []}
        if route.methods and route.matches(scope)[0] is not Match.NONE:
            methods |= set(route.methods)
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)


async def handle_problem(request: Request, error: Problem) -> Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("unavailable", code=error.code, cause=type(error.__cause__).__name__)
    return to_response(error, request.url.path, context_of(request))


async def handle_validation_error(request: Request, error: RequestValidationError) -> Response:
    errors = error.errors()
    return to_response(invalid_fields(field_errors(errors), len(errors)), request.url.path, context_of(request))


async def handle_http_exception(request: Request, error: HTTPException) -> Response:
    """Handle requests that Starlette and FastAPI refuse by themselves: unknown URLs and methods, unreadable forms."""
    try:
        await state_of(request).rate_limiter.count(context_of(request))  # where no route did
    except TooManyRequests as problem:
        return to_response(problem, request.url.path, context_of(request))
    headers, path, detail = dict(error.headers or {}), request.url.path, str(error.detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request.app, route_path(request.scope)))
        detail = f"{request.method} is not allowed here; try {headers['Allow']}."
    elif error.status_code == HTTPStatus.NOT_FOUND:
        detail = "No resource exists at this URL."
    code = REFUSALS.get(error.status_code, Malformed.code)
    return problem_response(error.status_code, code, detail, path, context_of(request), headers=headers)


async def handle_database_error(request: Request, error: SQLAlchemyError) -> Response:
    """Handle errors of the database. Raises `error` again where the fault is ours."""
    problem = to_problem(error)
    if problem is None:
        raise error
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("database_refused", code=problem.code, cause=type(error).__name__)
    return to_response(problem, request.url.path, context_of(request))


async def handle_dry_run(_request: Request, done: DryRun) -> Response:
    return Response(orjson.dumps(done.preview), HTTPStatus.OK, media_type="application/json")


def install(app: FastAPI) -> None:
    """Make `app` respond to every failure below the middleware with a problem."""
    app.exception_handler(Problem)(handle_problem)
    app.exception_handler(RequestValidationError)(handle_validation_error)
    app.exception_handler(HTTPException)(handle_http_exception)
    app.exception_handler(SQLAlchemyError)(handle_database_error)
    app.exception_handler(DryRun)(handle_dry_run)
