"""The parts of a request that are at fault, each as a pointer, a sentence and a code."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypedDict

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


def field_error(pointer: str, detail: str, code: str, **params: Param) -> FieldError:
    return {"pointer": pointer, "detail": detail, "code": code, "params": params}


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
