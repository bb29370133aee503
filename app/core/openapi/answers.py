"""Which answers an operation can give, and the headers that they carry."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from app.core.guard import Internal, Public, Requires, SignedIn
from app.core.openapi.schemas import PROBLEM_CONTENT, reference
from app.core.routing import Route

Json = dict[str, Any]


def text(description: str, pattern: str, length: int = 64) -> Json:
    return {"description": description, "schema": {"type": "string", "maxLength": length, "pattern": pattern}}


HEADERS: Json = {
    "RateLimit": text(
        "What is left (r) of the limit, and the seconds (t) until it is whole again; absent where nothing is counted.",
        r'^"(principal|address)";r=[0-9]+;t=[0-9]+$',
    ),
    "RateLimit-Policy": text("The limit: q requests in w seconds.", r'^"(principal|address)";q=[0-9]+;w=[0-9]+$'),
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1},
    },
    "X-Request-ID": text("Names the request in the record; the one that was sent, if it is fit.", "^[A-Za-z0-9._-]+$"),
    "Access-Control-Allow-Origin": text(
        "The asking origin, where the settings allow it; otherwise absent.", r"^https?://[^\s/]+$", 256
    ),
    "ETag": text("The version, for If-Match and If-None-Match.", '^"[0-9.]+"$'),
    "Location": text("The address of what was made.", "^/", 8192),
    "Link": text("The next page (RFC 8288); absent from the last.", "^<[^>]+>; rel=", 16_384),
    "Idempotency-Replayed": text("`true` where this is the stored first answer.", "^true$"),
    "WWW-Authenticate": text("How to authenticate.", "^(Bearer|Signature)", 256),
}
COMMON = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Access-Control-Allow-Origin")

PROBLEMS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("Malformed", "The request cannot be read.", ()),
    401: ("Unauthenticated", "Who are you? The credentials are missing, wrong, or over.", ("WWW-Authenticate",)),
    403: ("Forbidden", "Known, and not allowed.", ()),
    404: ("NotFound", "Unknown, or hidden from this caller.", ()),
    409: ("Conflict", "The state of the resource does not allow it.", ("Retry-After",)),
    412: ("StaleVersion", "`If-Match` names a version that is no longer current.", ()),
    413: ("ContentTooLarge", "The body is over the limit.", ()),
    415: ("UnsupportedMediaType", "The body is of a kind that is not taken here.", ()),
    422: ("Invalid", "Fields are invalid; `errors` says which and why.", ()),
    428: ("PreconditionRequired", "This server asks for `If-Match`.", ()),
    429: ("TooManyRequests", "Slow down; `Retry-After` says for how long.", ("Retry-After",)),
    500: ("InternalError", "Something failed on our side; quote the request id.", ()),
    503: ("Unavailable", "Try again later.", ("Retry-After",)),
    504: ("TimedOut", "The work took too long, and was undone.", ("Retry-After",)),
}


def headers(*names: str) -> Json:
    return {name: reference("headers", name) for name in (*COMMON, *names)}


def problem(description: str, extra: tuple[str, ...]) -> Json:
    return {"description": description, "headers": headers(*extra), "content": PROBLEM_CONTENT}


RESPONSES: Json = {
    "Problem": problem("Any other failure, of the same shape.", ()),
    **{name: problem(description, extra) for name, description, extra in PROBLEMS.values()},
}


def answers_of(operation: Json, route: Route, method: str) -> Json:
    """Every response of an operation by status; `default` is for what anybody may get anywhere (405, 414, 431)."""
    responses = {status: answer for status, answer in operation["responses"].items() if status[0] == "2"}
    for status, response in responses.items():
        response["headers"] = headers(*special_headers(route, method, status))
    if method == "get" and "ETag" in responses.get("200", {}).get("headers", {}):
        responses["304"] = {"description": "`If-None-Match` names the current version.", "headers": headers("ETag")}
    for status_code in possible(operation, route, method):
        responses[str(status_code)] = reference("responses", PROBLEMS[status_code][0])
    return {**dict(sorted(responses.items())), "default": reference("responses", "Problem")}


def possible(operation: Json, route: Route, method: str) -> Iterator[int]:
    """The problems that this operation can answer."""
    guard = next(call for call in route.calls if isinstance(call, Public | Internal | SignedIn))
    yield from (400, 401, 422, 429, 500, 503, 504)
    yield from map(int, route.responses)  # what the route says of itself
    if isinstance(guard, SignedIn) and (isinstance(guard, Requires) or guard.in_person or not guard.always):
        yield 403
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        yield 404
    if method != "get" and isinstance(guard, SignedIn):
        yield 409
    if route.takes_if_match:
        yield from (412, 428)
    if "requestBody" in operation:
        yield from (413, 415)


def special_headers(route: Route, method: str, status: str) -> Iterator[str]:
    fields = getattr(route.response_model, "model_fields", {})
    is_created = status == str(HTTPStatus.CREATED)
    if {"id", "version"} <= fields.keys() and ("{id}" in route.path_format or is_created):
        yield "ETag"
    if is_created and "id" in fields:
        yield "Location"
    if method == "get" and route.item is not None:
        yield "Link"
    if route.takes_idempotency_key:
        yield "Idempotency-Replayed"
