"""Sparse answers: items with only the fields that the caller asks for, and their id."""

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, create_model

from app.core.db.field_rules import MASKED
from app.core.db.pagination import FieldsQuery
from app.core.errors import invalid
from app.core.sentences import UNKNOWN

KEPT = 256
"""Choices of fields whose encoders a process keeps."""
ALWAYS = ("id", MASKED)
"""What every item has: without the names of masked fields, null would have two meanings."""


def chosen_fields(arguments: dict[str, Any], item: type[BaseModel] | None) -> tuple[str, ...]:
    """The fields of `item` that the arguments of an endpoint ask for; none where they ask for all. Raises Invalid."""
    query = arguments.get("query")
    if item is None or not isinstance(query, FieldsQuery) or query.fields is None:
        return ()
    wanted = set(query.fields.split(","))
    if unknown := wanted - item.model_fields.keys():
        known = list(item.model_fields)
        detail = f"{len(unknown)} of these are no fields of an item, which has {', '.join(known)}."
        raise invalid("/query/fields", detail, UNKNOWN, allowed=known)
    return tuple(name for name in item.model_fields if name in wanted or name in ALWAYS)


@lru_cache(KEPT)
def sparse_schema(item: type[BaseModel], names: tuple[str, ...]) -> type[BaseModel]:
    """`item` with these fields only."""
    fields: dict[str, Any] = {name: (item.model_fields[name].annotation, item.model_fields[name]) for name in names}
    return create_model(f"Some{item.__name__}", __config__=item.model_config, **fields)
