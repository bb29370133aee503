"""The errors that a client can see. `core.http.problem_details` turns each into problem+json (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, ClassVar, Self, TypedDict

from pydantic import ValidationError

from app.core.sentences import Param, Params, explain

MAX_ERRORS = 20
MAX_LINE_ERRORS = 100
"""Field errors in one response. A client that sends garbage gets no larger response for more of it."""
MAX_NAME_LENGTH = 100
"""Characters of a name in a pointer."""


class FieldError(TypedDict):
    """One part of the request that is at fault.

    A JSON pointer to it (`/body/title`, `/query/limit`, `/path/id`, `/header/If-Match`), a sentence, a stable code, and
    the values that the sentence names, for clients that translate it.
    """

    pointer: str
    detail: str
    code: str
    params: Params


MOVED = {"/path/id": "/id", "/header/If-Match": "/version"}
"""Where an operation of a larger body has what a request for one item has in its path and headers."""


def field_error(pointer: str, detail: str, code: str, **params: Param) -> FieldError:
    return {"pointer": pointer, "detail": detail, "code": code, "params": params}


class Problem(Exception):
    """A failure with a status and a stable code. `detail` is for the client, the cause (`__cause__`) for the log."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal-error"
    headers: ClassVar[dict[str, str]] = {}
    pointer: ClassVar[str | None] = None
    """The part of the request that is at fault, where it is always the same. `errors` then points at it."""

    def __init__(
        self, detail: str = "", *, errors: list[FieldError] | None = None, params: Params | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        if errors is None and self.pointer is not None:
            errors = [field_error(self.pointer, detail, self.code, **(params or {}))]
        self.errors = errors
        self.extension: dict[str, int] = {}
        """Members of the response beside the usual ones (RFC 9457, 3.2)."""
        self.extra_headers = {**type(self).headers, **{k.replace("_", "-"): v for k, v in headers.items()}}

    def relocate(self, place: str, fields: str = "") -> Self:
        """Move the pointers into the operation at `place` of a larger body, whose fields are below `fields` there.

        `/body/name` becomes `/body/create/3/name`, or `/body/update/3/changes/name`.
        """
        errors = self.errors or [field_error(place, self.detail, self.code)]
        self.errors = [{**error, "pointer": move(error["pointer"], place, fields)} for error in errors]
        return self


def move(pointer: str, place: str, fields: str) -> str:
    if pointer in MOVED:
        return place + MOVED[pointer]
    return place + fields + pointer.removeprefix("/body") if pointer.startswith("/body/") else place


class DryRun(Exception):
    """Ends a dry run: everything is rolled back, and the response is 200 with `preview`, the effects of the change."""

    def __init__(self, preview: dict[str, Any]) -> None:
        super().__init__("dry run")
        self.preview = preview


class Malformed(Problem):
    """The request is malformed."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed-request"


class Unauthenticated(Problem):
    """Valid credentials are missing."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """The caller is authenticated and may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "permission-denied"


class NotFound(Problem):
    """The resource does not exist, or is hidden from the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"


class Conflict(Problem):
    """The current state of the resource does not allow this."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class AlreadyExists(Conflict):
    """Another row already has this unique value."""

    code = "already-exists"


class InUse(Conflict):
    """Another row still refers to this one."""

    code = "in-use"
    pointer = "/path/id"


class NotDeleted(Conflict):
    """What is to be restored is visible."""

    code = "not-deleted"


class StaleVersion(Problem):
    """The version that `If-Match` names, or an operation of a bulk, is not current (RFC 9110, 13.1.1)."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "stale-version"
    pointer = "/header/If-Match"


class PreconditionRequired(Problem):
    """The request needs `If-Match` (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    code = "precondition-required"


class ContentTooLarge(Problem):
    """The body is larger than the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "content-too-large"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class UriTooLong(Problem):
    """The path and query are longer than the limit."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri-too-long"


class HeadersTooLarge(Problem):
    """The headers together are larger than the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers-too-large"


class UnsupportedMediaType(Problem):
    """The route does not accept this media type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported-media-type"


class Invalid(Problem):
    """Fields are invalid; `errors` lists them with reasons."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-fields"


class TooManyRequests(Problem):
    """The caller exceeded a rate limit; `Retry-After` gives the seconds to wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many-requests"


class Unavailable(Problem):
    """The service cannot handle the request now; retry later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class DatabaseUnavailable(Unavailable):
    """The database is unreachable, or all connections are in use."""

    code = "database-unavailable"


class TimedOut(Problem):
    """The request took longer than the server allows."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "request-timeout"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class ListTimedOut(TimedOut):
    """The filters and the sort of a list match so little of what they read that it takes too long."""

    code = "list-timeout"
    headers: ClassVar[dict[str, str]] = {}


def invalid(pointer: str, detail: str, code: str, **params: Param) -> Invalid:
    """An `Invalid` for a single field."""
    return Invalid("The request has an invalid field.", errors=[field_error(pointer, detail, code, **params)])


def escape_pointer(part: object) -> str:
    """`part` as one segment of a JSON pointer (RFC 6901), shortened, because names come from the client."""
    return str(part)[:MAX_NAME_LENGTH].replace("~", "~0").replace("/", "~1")


def field_errors(
    errors: Iterable[Mapping[str, Any]], prefix: tuple[str, ...] = (), limit: int = MAX_ERRORS
) -> list[FieldError]:
    """The first of Pydantic's errors, at most `limit`, in our words (`core/sentences.py`)."""
    found: list[FieldError] = []
    for error in islice(errors, limit):
        pointer = "".join(f"/{escape_pointer(part)}" for part in (*prefix, *error["loc"]))
        detail, code, params = explain(error)
        found.append({"pointer": pointer, "detail": detail, "code": code, "params": params})
    return found


def validation_errors(
    error: ValidationError, prefix: tuple[str, ...] = (), limit: int = MAX_ERRORS
) -> list[FieldError]:
    """The first field errors of Pydantic's `error`, at most `limit`, below `prefix`."""
    errors = error.errors(include_url=False, include_input=False)
    return field_errors(errors, prefix, limit)


def invalid_fields(errors: list[FieldError], count: int) -> Invalid:
    """An `Invalid` that carries `errors`, the first of `count`."""
    return Invalid(f"The request has {count} invalid field{'s' * (count != 1)}.", errors=errors)
