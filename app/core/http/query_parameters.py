"""The query parameters that a route declares; all others are refused."""

from collections.abc import Collection, Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from app.core.errors import MAX_ERRORS, MAX_NAME_LENGTH, FieldError, Invalid, Malformed


def declared_parameters(dependant: Dependant) -> frozenset[str]:
    """The names of all query parameters below `dependant`; a parameter that is a model stands for its fields."""
    names: set[str] = set()
    for part in flatten(dependant):
        for field in part.query_params:
            model = field.field_info.annotation
            names |= set(getattr(model, "model_fields", ())) or {field.alias}
    return frozenset(names)


def flatten(dependant: Dependant) -> Iterator[Dependant]:
    """`dependant` and everything below it."""
    yield dependant
    for below in dependant.dependencies:
        yield from flatten(below)


def reject_unknown_parameters(request: Request, declared: Collection[str]) -> None:
    """Raise Invalid for a parameter that is not declared: a misspelt filter must not widen a list."""
    query = request.scope["query_string"]
    if not query:
        return
    unknown = [name for name in request.query_params if name not in declared]
    if b"%00" in query:
        raise Malformed("The URL holds a character that text cannot hold.")
    if unknown:
        errors: list[FieldError] = [
            {
                "pointer": f"/query/{name[:MAX_NAME_LENGTH]}",
                "detail": "There is no such parameter.",
                "code": "unknown-parameter",
            }
            for name in unknown[:MAX_ERRORS]
        ]
        raise Invalid("The request has an unknown query parameter.", errors=errors)
