"""The query parameters that a route declares; all others are refused, and so is one value too many."""

from collections import Counter
from collections.abc import Collection, Iterator, Set

from fastapi import Request
from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.models import Dependant

from app.core.db.filter_query import FilterQuery
from app.core.errors import Invalid, Malformed
from app.core.field_errors import MAX_ERRORS, FieldError, escape_pointer, field_error


def declared_parameters(dependant: Dependant) -> frozenset[str]:
    """The names of all query parameters below `dependant`; a parameter that is a model stands for its fields."""
    names: set[str] = set()
    for part in flatten(dependant):
        for field in part.query_params:
            model = field.field_info.annotation
            names |= set(getattr(model, "model_fields", ())) or {field.alias}
    return frozenset(names)


def declared_filters(dependant: Dependant) -> tuple[type[FilterQuery], ...]:
    """The declarations of filters below `dependant`."""
    models = [field.field_info.annotation for part in flatten(dependant) for field in part.query_params]
    return tuple(each for each in models if isinstance(each, type) and issubclass(each, FilterQuery))


def flatten(dependant: Dependant) -> Iterator[Dependant]:
    """`dependant` and everything below it."""
    yield dependant
    for below in dependant.dependencies:
        yield from flatten(below)


def list_parameters(dependant: Dependant) -> frozenset[str]:
    """The names of the query parameters below `dependant` that may come more than once."""
    names: set[str] = set()
    for part in flatten(dependant):
        for field in part.query_params:
            fields = getattr(field.field_info.annotation, "model_fields", {field.alias: field.field_info})
            names |= {name for name, info in fields.items() if field_annotation_is_sequence(info.annotation)}
    return frozenset(names)


def check_parameters(request: Request, declared: Set[str], lists: Collection[str]) -> None:
    """Raise Invalid for a parameter that is not declared, or comes twice and is none of `lists`.

    A misspelt filter must not widen a list, and of two values none must be dropped.
    """
    query = request.scope["query_string"]
    if not query:
        return
    given = request.query_params
    if given.keys() <= declared and len(given) == len(given.multi_items()) and b"%00" not in query:
        return
    counts = Counter(name for name, _ in given.multi_items())
    unknown = [name for name in counts if name not in declared]
    repeated = [name for name, count in counts.items() if count > 1 and name in declared and name not in lists]
    if b"%00" in query:
        raise Malformed("The URL holds a character that text cannot hold.")
    if unknown or repeated:
        errors = [error_of(name, "There is no such parameter.", "unknown-parameter") for name in unknown]
        errors += [error_of(name, "Send this parameter once.", "repeated-parameter") for name in repeated]
        kind = "an unknown" if unknown else "a repeated"
        raise Invalid(f"The request has {kind} query parameter.", errors=errors[:MAX_ERRORS])


def error_of(name: str, detail: str, code: str) -> FieldError:
    return field_error(f"/query/{escape_pointer(name)}", detail, code)
