"""Which permission a field needs, in schemas and parameters of the document: `x-read-action`, `x-write-action`."""

from typing import Any

from sqlmodel import SQLModel

from app.core.db.declared_filters import read_name
from app.core.db.entity import table_of
from app.core.db.field_rules import FieldRules, rules_of
from app.core.db.filter_query import FilterQuery

Json = dict[str, Any]


def add_actions(schemas: Json) -> None:
    """Say of each property of `schemas` that needs an action which permission that is."""
    for table in SQLModel.metadata.tables.values():
        rules = rules_of(table)
        for schema in rules.schemas:
            properties = schemas.get(schema.__name__, {}).get("properties", {})
            for name in properties.keys() & set(rules.names):
                properties[name] |= actions_of(rules, name)


def filter_actions(query: type[Any]) -> dict[str, Json]:
    """The extensions of the filters in a query model, by parameter: asking by a field needs to read it."""
    if not issubclass(query, FilterQuery) or query.lists is None:
        return {}
    table = table_of(query.lists)
    reading = {name: rules_of(table).permission_to_read(read_name(table, name).column) for name in query.model_fields}
    return {name: {"x-read-action": permission} for name, permission in reading.items() if permission}


def actions_of(rules: FieldRules, name: str) -> Json:
    """The extensions of one property."""
    found = {"x-read-action": rules.permission_to_read(name), "x-write-action": rules.write.get(name)}
    return {extension: permission for extension, permission in found.items() if permission}
