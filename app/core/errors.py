"""The errors that a client can see. `core.http.problem_details` turns each into problem+json (RFC 9457)."""

from http import HTTPStatus
from typing import Any, ClassVar, Self

from app.core.field_errors import FieldError, field_error
from app.core.sentences import Param, Params

MOVED = {"/path/id": "/id", "/header/If-Match": "/version"}
"""Where an operation of a larger body has what a request for one item has in its path and headers."""


class Problem(Exception):
    """The server failed, and says nothing about the cause.

    A subclass is a failure with a status and a stable code. The page `/problems/<code>` has the first paragraph of its
    docstring as what happened, and `remedy` as what to do. `detail` is for the client, the cause (`__cause__`) for the
    log.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal-error"
    headers: ClassVar[dict[str, str]] = {}
    remedy: ClassVar[str] = "Try again later. If it fails again, tell the operator the request id."
    """What the client, or the person in front of it, can do."""
    example: ClassVar[FieldError | None] = None
    """What `errors` may have, for the page."""
    pointer: ClassVar[str | None] = None
    """The part of the request that is at fault, where it is always the same. `errors` then points at it."""

    def __init__(
        self, detail: str = "", *, errors: list[FieldError] | None = None, params: Params | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.params = params or {}
        """The values that `detail` names, for clients that translate it."""
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
        moved: list[FieldError] = [
            {**error, "pointer": move(error["pointer"], place, fields)} for error in self.errors or ()
        ]
        self.errors = moved or [field_error(place, self.detail, self.code, **self.params)]
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
    remedy = "Correct the request as `detail` says. It is refused as long as it stays the same."


class Unauthenticated(Problem):
    """Valid credentials are missing."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"
    remedy = "Sign in, or renew the access token, and send the request again."
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """The caller is authenticated and may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "permission-denied"
    remedy = "Ask an administrator for the permission that `detail` names."


class NotFound(Problem):
    """The resource does not exist, or is hidden from the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"
    remedy = "Check the address and the id. The item may be deleted, or not yours to see."


class MethodNotAllowed(Problem):
    """The resource exists, and does not take this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method-not-allowed"
    remedy = "Use one of the methods that `Allow` lists."


class Conflict(Problem):
    """The current state of the resource does not allow this."""

    status = HTTPStatus.CONFLICT
    code = "conflict"
    remedy = "Read the item again, and decide what to do with its present state."


class AlreadyExists(Conflict):
    """Another row already has this unique value."""

    code = "already-exists"
    remedy = "Use another value in the field that `errors` points at, or change the item that has this one."
    example = field_error("/body/name", "The value of name is already taken.", "already-exists", fields=["name"])


class InUse(Conflict):
    """Another row still refers to this one."""

    code = "in-use"
    remedy = "Change or delete what still refers to it first: `errors` says of what kind and how many."
    pointer = "/path/id"
    example = field_error("/path/id", "3 products refer to this.", "in-use", kind="product", count=3)


class NotDeleted(Conflict):
    """What is to be restored is visible."""

    code = "not-deleted"
    remedy = "Nothing needs to be restored: read the item."


class StaleVersion(Problem):
    """The version that `If-Match` names, or an operation of a bulk, is not current (RFC 9110, 13.1.1)."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "stale-version"
    pointer = "/header/If-Match"
    example = field_error("/header/If-Match", "This is at version 3 now.", "stale-version", version=3)
    remedy = "Read the item again, repeat the change on what it is now, and send the version that you read."


class PreconditionRequired(Problem):
    """The request needs `If-Match` (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    code = "precondition-required"
    remedy = "Send `If-Match` with the ETag of what you read."


class ContentTooLarge(Problem):
    """The body is larger than the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "content-too-large"
    remedy = "Send less at once: fewer items, or a file in parts."
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class UriTooLong(Problem):
    """The path and query are longer than the limit."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri-too-long"
    remedy = "Send fewer or shorter query parameters."


class HeadersTooLarge(Problem):
    """The headers together are larger than the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers-too-large"
    remedy = "Send fewer or shorter headers; cookies are not needed."


class UnsupportedMediaType(Problem):
    """The route does not accept this media type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported-media-type"
    remedy = "Send the body in a media type, charset and encoding that `detail` names."


class Invalid(Problem):
    """Fields are invalid; `errors` lists them with reasons."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-fields"
    remedy = "Correct the fields that `errors` points at."
    example = field_error("/body/name", "Use at most 200 characters.", "string-too-long", max_length=200)


class TooManyRequests(Problem):
    """The caller exceeded a rate limit; `Retry-After` gives the seconds to wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many-requests"
    remedy = "Wait as many seconds as `Retry-After` says, and send fewer requests."


class Unavailable(Problem):
    """The service cannot handle the request now; retry later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    remedy = "Send the request again after the seconds of `Retry-After`, with the same idempotency key."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class DatabaseUnavailable(Unavailable):
    """The database is unreachable, or all connections are in use."""

    code = "database-unavailable"
    remedy = "Send the request again after the seconds of `Retry-After`. If it lasts, tell the operator."


class TimedOut(Problem):
    """The request took longer than the server allows."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "request-timeout"
    remedy = "Ask for less at once, or send the request again later, with the same idempotency key."
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class ListTimedOut(TimedOut):
    """The filters and the sort of a list match so little of what they read that it takes too long."""

    code = "list-timeout"
    remedy = "Filter by something else as well, or sort by what you filter by. The same question takes as long again."
    headers: ClassVar[dict[str, str]] = {}


def permission_denied(detail: str, *permissions: str) -> Forbidden:
    """A `Forbidden` for a caller who needs one of `permissions`."""
    return Forbidden(detail, params={"permissions": list(permissions)})


def invalid(pointer: str, detail: str, code: str, **params: Param) -> Invalid:
    """An `Invalid` for a single field."""
    return Invalid("The request has an invalid field.", errors=[field_error(pointer, detail, code, **params)])


def invalid_fields(errors: list[FieldError], count: int) -> Invalid:
    """An `Invalid` that carries `errors`, the first of `count`."""
    return Invalid(f"The request has {count} invalid field{'s' * (count != 1)}.", errors=errors)
