"""Fields that a response has and a request cannot set: a client that sends one is told so, and what to use instead."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.core.field_errors import FieldError, field_error
from app.core.sentences import UNKNOWN

ITEM_FIELD = re.compile(r"/body(?:/create/\d+|/update/\d+/changes)?/(?P<name>[^/]+)")
"""A field of an item, in the body of a request for one item, or in a bulk change."""
READ_ONLY = "read-only"
"""The code of the error of such a field, in JSON and in files."""


Repeated = Annotated[Any, Field(exclude=True, json_schema_extra={"readOnly": True})]
"""A field of a request that replaces what a response shows. It is accepted, so that the response can be sent back, and
not read."""


@dataclass(frozen=True)
class ReadOnly:
    """In the annotation of a field of a Read schema: what changes the field, as a request or another field."""

    instead: str


Instead = Mapping[str, str | None]
"""By the name of a field that is read-only: what to use instead, if it is known."""


def read_only_fields(body: Any, response: Any) -> Instead:
    """The fields that `response` has, and `body` has not. Both may be the model of a bulk change."""
    taken, shown = item_of(body), item_of(response)
    if taken is None or shown is None:
        return {}
    writable = taken.model_fields.keys()
    return {
        name: next(
            (part.instead for part in field.metadata if isinstance(part, ReadOnly)),
            f"{name}_id" if f"{name}_id" in writable else None,
        )
        for name, field in shown.model_fields.items()
        if name not in writable
    }


def item_of(model: Any) -> type[BaseModel] | None:
    """The model of an item: `model`, or the first of its parameters."""
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return None
    parameters = model.__pydantic_generic_metadata__["args"]
    return item_of(parameters[0]) if parameters else model


def explain_read_only(errors: Sequence[FieldError], read_only: Instead) -> list[FieldError]:
    """`errors`, of which those for fields that are read-only say so."""
    return [explain(error, read_only) for error in errors]


def explain(error: FieldError, read_only: Instead) -> FieldError:
    place = ITEM_FIELD.fullmatch(error["pointer"])
    if error["code"] != UNKNOWN or place is None or place["name"] not in read_only:
        return error
    instead = read_only[place["name"]]
    if instead is None:
        return field_error(error["pointer"], "This is read-only.", READ_ONLY)
    return field_error(error["pointer"], f"This is read-only; use {instead} instead.", READ_ONLY, instead=instead)
