"""Which permission a field needs, in the schemas of the document: `x-read-action`, `x-write-action`."""

from typing import Any

from sqlmodel import SQLModel

from app.core.db.field_rules import FieldRules, rules_of

Json = dict[str, Any]


def add_actions(schemas: Json) -> None:
    """Say of each property of `schemas` that needs an action which permission that is."""
    for table in SQLModel.metadata.tables.values():
        rules = rules_of(table)
        for schema in rules.schemas:
            properties = schemas.get(schema.__name__, {}).get("properties", {})
            for name in properties.keys() & set(rules.names):
                properties[name] |= actions_of(rules, name)


def actions_of(rules: FieldRules, name: str) -> Json:
    """The extensions of one property."""
    reading = next((held for held, names in rules.read.items() if name in names), None)
    found = {"x-read-action": reading, "x-write-action": rules.write.get(name)}
    return {extension: permission for extension, permission in found.items() if permission}
