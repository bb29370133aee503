"""The responses that an operation can give, and their headers."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from app.core.http.guards import Authenticated
from app.core.http.request_body import JSON_TYPES
from app.core.http.route import Route
from app.core.http.same_origin import SameOrigin
from app.core.openapi.schemas import PROBLEM_CONTENT, reference

Json = dict[str, Any]


def text_header(description: str, pattern: str, length: int = 64) -> Json:
    return {"description": description, "schema": {"type": "string", "maxLength": length, "pattern": pattern}}


HEADERS: Json = {
    "RateLimit": text_header(
        "Requests left (r), and seconds until the next window (t); absent where requests are not counted.",
        r'^"(principal|address)";r=[0-9]+;t=[0-9]+$',
    ),
    "RateLimit-Policy": text_header(
        "The limit: q requests in w seconds.", r'^"(principal|address)";q=[0-9]+;w=[0-9]+$'
    ),
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1},
    },
    "X-Request-ID": text_header(
        "The id of the request in the audit log: the one that was sent, if it is valid.", "^[A-Za-z0-9._-]+$"
    ),
    "Attest-Call-ID": text_header(
        "The id that the server gave to this request, unlike any other; the audit log has it as `call_id`.",
        "^[0-9a-f-]{36}$",
        36,
    ),
    "Access-Control-Allow-Origin": text_header(
        "The origin of the request, if the settings allow it; otherwise absent.", r"^https?://[^\s/]+$", 256
    ),
    "ETag": text_header(
        "The version, for If-Match and If-None-Match; with -gzip, that of a compressed body.", '^"[0-9a-f.]+(-gzip)?"$'
    ),
    "Accept-Encoding": text_header("The content coding that a body may have.", "^gzip$"),
    "Location": text_header("The path of the created item, or of the job that does the work.", "^/", 8192),
    "Preference-Applied": text_header("The preference that the server followed (RFC 7240).", "^respond-async$", 64),
    "Link": text_header("The next page (RFC 8288); absent from the last.", "^<[^>]+>; rel=", 16_384),
    "Idempotency-Replayed": text_header("`true` if this is the stored first response.", "^true$"),
    "WWW-Authenticate": text_header("How to authenticate.", "^(Bearer|Signature)", 256),
}
COMMON = ("X-Request-ID", "Attest-Call-ID", "RateLimit", "RateLimit-Policy", "Access-Control-Allow-Origin")

PROBLEMS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("Malformed", "The request is malformed.", ()),
    401: ("Unauthenticated", "The credentials are missing, wrong or expired.", ("WWW-Authenticate",)),
    403: ("Forbidden", "The caller may not do this.", ()),
    404: ("NotFound", "The resource does not exist, or is hidden from the caller.", ()),
    409: ("Conflict", "The current state of the resource does not allow this.", ("Retry-After",)),
    412: ("StaleVersion", "`If-Match` names a version that is not current.", ("ETag",)),
    413: ("ContentTooLarge", "The body is larger than the limit.", ()),
    415: ("UnsupportedMediaType", "The endpoint does not accept this media type or coding.", ("Accept-Encoding",)),
    422: ("Invalid", "Fields are invalid; `errors` lists them with reasons.", ()),
    428: ("PreconditionRequired", "This server requires `If-Match`.", ()),
    429: ("TooManyRequests", "A rate limit is exceeded; `Retry-After` gives the seconds to wait.", ("Retry-After",)),
    500: ("InternalError", "The server failed; quote the request id.", ()),
    503: ("Unavailable", "The service cannot handle the request now; retry later.", ("Retry-After",)),
    504: ("TimedOut", "The request took too long, and was rolled back.", ("Retry-After",)),
}


def headers(*names: str) -> Json:
    return {name: reference("headers", name) for name in (*COMMON, *names)}


def problem(description: str, extra: tuple[str, ...]) -> Json:
    return {"description": description, "headers": headers(*extra), "content": PROBLEM_CONTENT}


RESPONSES: Json = {
    "Problem": problem("Any other failure, of the same shape.", ()),
    **{name: problem(description, extra) for name, description, extra in PROBLEMS.values()},
}


def responses_of(operation: Json, route: Route, method: str) -> Json:
    """The responses of an operation by status; `default` covers what every URL may return (405, 414, 431)."""
    responses = {status: response for status, response in operation["responses"].items() if status[0] == "2"}
    for status, response in responses.items():
        declared = response.get("headers", {})
        response["headers"] = {**declared, **headers(*success_headers(route, method, status))}
    if method == "get" and "ETag" in responses.get("200", {}).get("headers", {}):
        responses["304"] = {"description": "`If-None-Match` names the current version.", "headers": headers("ETag")}
    if may_wait(route):
        waits = "The change waits until a second person approves it, where the settings demand that."
        responses["202"] = {"description": waits, "headers": headers("Location")}
    for status_code in possible_problems(operation, route, method):
        responses[str(status_code)] = reference("responses", PROBLEMS[status_code][0])
    return {**dict(sorted(responses.items())), "default": reference("responses", "Problem")}


def changes_policy(route: Route) -> bool:
    """Whether the operation may change who may do what. Such a change is tried first, and recorded at once."""
    return route.has_dry_run and route.guard.durable_audit


def may_wait(route: Route) -> bool:
    """Whether the operation may change the policy or erase a person, and is sent as a whole."""
    erases = route.requires_reason and route.guard.durable_audit
    return (changes_policy(route) or erases) and route.preflight.media_types in ((), JSON_TYPES)


def possible_problems(operation: Json, route: Route, method: str) -> Iterator[int]:
    """The statuses of problems that this operation can return."""
    guard = route.guard
    yield from (400, 401, 422, 429, 500, 503, 504)
    yield from (int(status) for status in route.responses if int(status) >= HTTPStatus.BAD_REQUEST)
    if isinstance(guard, (Authenticated, SameOrigin)):
        yield 403
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        yield 404
    if method != "get" and isinstance(guard, Authenticated):
        yield 409
    if route.preflight.takes_if_match:
        yield from (412, 428)
    if "requestBody" in operation:
        yield from (413, 415)


def success_headers(route: Route, method: str, status: str) -> Iterator[str]:
    fields = getattr(route.response_model, "model_fields", {})
    is_created = status == str(HTTPStatus.CREATED)
    if {"id", "version"} <= fields.keys() and ("{id}" in route.path_format or is_created):
        yield "ETag"
    if is_created and "id" in fields:
        yield "Location"
    if status == str(HTTPStatus.ACCEPTED):
        yield from ("Location", "Preference-Applied")
    if method == "get" and route.item is not None:
        yield "Link"
    if route.preflight.takes_idempotency_key:
        yield "Idempotency-Replayed"
