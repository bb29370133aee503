"""The error tree: every failure that a client can see is one of these, and becomes problem+json in one place."""

from http import HTTPStatus
from typing import Any, ClassVar, Self, TypedDict


class FieldError(TypedDict):
    """One invalid field: a JSON pointer into the request (`/body/title`, `/query/limit`), a sentence, a stable slug."""

    pointer: str
    detail: str
    code: str


class Problem(Exception):
    """`detail` is for the client; the cause (`raise … from error`) is for the log."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal-error"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str = "", *, errors: list[FieldError] | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra_headers = {**type(self).headers, **{k.replace("_", "-"): v for k, v in headers.items()}}

    def moved(self, place: str) -> Self:
        """This problem as one of `place` in a larger body: `/body/name` becomes `/body/create/3/name`."""
        found: list[FieldError] = self.errors or [{"pointer": "/body", "detail": self.detail, "code": self.code}]
        self.errors = [{**error, "pointer": place + error["pointer"].removeprefix("/body")} for error in found]
        return self


class DryRun(Exception):
    """No failure: the change was asked about, not for. Everything is undone, and `answer` says what it would do."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("dry run")
        self.answer = answer


class Malformed(Problem):
    """The request cannot be read."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed-request"


class Unauthenticated(Problem):
    """Who are you?"""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """Known, and not allowed."""

    status = HTTPStatus.FORBIDDEN
    code = "permission-denied"


class CannotGrant(Forbidden):
    """Nobody grants what they do not hold."""

    code = "cannot-grant"


class Dominated(Forbidden):
    """Nobody acts on a user who holds what they lack, nor takes away what they do not hold."""

    code = "dominated"


class StepUpRequired(Unauthenticated):
    """The second factor was not shown in this session, or too long ago (RFC 9470)."""

    code = "insufficient-user-authentication"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}


class NotFound(Problem):
    """Unknown, or hidden from this caller."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"


class Conflict(Problem):
    """The state of the resource does not allow it."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class AlreadyExists(Conflict):
    """A unique value is taken."""

    code = "already-exists"


class InUse(Conflict):
    """Something still refers to it."""

    code = "in-use"


class LastSuperuser(Conflict):
    """Without an active superuser nobody could administer."""

    code = "last-superuser"


class StaleVersion(Problem):
    """`If-Match` names a version that is no longer current (RFC 9110, 13.1.1)."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "stale-version"


class PreconditionRequired(Problem):
    """The change must say which version it is of (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    code = "precondition-required"


class ContentTooLarge(Problem):
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "content-too-large"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class UriTooLong(Problem):
    """The path with its query is over the limit."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "uri-too-long"


class HeadersTooLarge(Problem):
    """The headers together are over the limit."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "headers-too-large"


class UnsupportedMediaType(Problem):
    """The body is of a kind that the route does not take."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported-media-type"


class Invalid(Problem):
    """Fields are invalid; `errors` says which and why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-fields"


class TooManyRequests(Problem):
    """Slow down; `Retry-After` says for how long."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many-requests"


class Unavailable(Problem):
    """Try again later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class DatabaseUnavailable(Unavailable):
    """The database is away, or has no connection to spare."""

    code = "database-unavailable"


class TimedOut(Problem):
    """The work took longer than the server allows."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "request-timeout"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


def invalid(pointer: str, detail: str, code: str) -> Invalid:
    """`Invalid` for a single field."""
    return Invalid("The request has an invalid field.", errors=[{"pointer": pointer, "detail": detail, "code": code}])
