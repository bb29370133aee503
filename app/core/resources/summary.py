"""The schemas of summaries, made from the declaration of a list."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, create_model

from app.core.db.filter_query import EntityFilterQuery
from app.core.db.group_query import groupable, refers_to, sets_by_key
from app.core.db.grouping import reference_name
from app.core.fields.money import AmountSum
from app.core.resources.schemas import Named, Read, ResponseSchema


class Group(ResponseSchema):
    """Items that have something in common. What they are not counted by, or do not have, is null."""

    count: int
    """The number of items."""


class Summary(ResponseSchema):
    """How many items there are, by what they have in common."""

    by: list[str]
    """What the items are counted by."""
    total: int
    """The number of items in all groups, whether they are shown or not. An item in several groups counts once."""
    groups: int
    """The number of groups, of which `items` has the largest."""


def summary_schema(read: type[Read], query: type[EntityFilterQuery]) -> type[BaseModel]:
    """The schema of the summary of a list, whose items have the schema `read`."""
    one = read.__name__.removesuffix("Read")
    group = create_model(f"{one}Group", __base__=Group, __doc__=Group.__doc__, **group_fields(read, query))
    items = (list[group], Field(description="The largest groups."))
    return create_model(f"{one}Summary", __base__=Summary, __doc__=Summary.__doc__, items=items)


def group_fields(read: type[Read], query: type[EntityFilterQuery]) -> dict[str, Any]:
    """The fields of a group: what its items can have in common, and what they add up to."""
    fields: dict[str, Any] = {}
    sets = sets_by_key(query)
    for name in groupable(query):
        if name in sets:
            about = f"By `{name}`: one of the {sets[name].name} of the items; null for those without."
            fields[name] = (UUID | None, Field(description=about))
        else:
            fields[name] = optional(read, name, f"By `{name}`: the value that the items share.")
        if refers_to(query, name) is not None:
            about = f"By `{name}`: what the items refer to, with its name."
            fields[reference_name(name)] = (Named | None, Field(description=about))
    for name in query.measures:
        about = f"With `sum={name}`: the sum of the items that have a value."
        is_amount = name in query.currencies
        kind = (AmountSum | None, Field(description=about)) if is_amount else optional(read, name, about)
        fields[f"{name}_sum"] = kind
    return fields


def optional(read: type[Read], name: str, description: str) -> tuple[Any, Any]:
    """The type of a field of `read`, or null."""
    field = read.model_fields[name]
    kind: Any = field.annotation
    for note in field.metadata:
        kind = Annotated[kind, note]
    return kind | None, Field(description=description)
