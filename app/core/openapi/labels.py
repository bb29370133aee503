"""Labels in the document: what a screen calls fields and the values of an enum. `Field(title=…)` says another."""

from typing import Any

Json = dict[str, Any]

CAPITALS = frozenset({"api", "id", "ip", "sku", "url"})
"""Words that are written in capitals."""


def add_labels(schemas: Json) -> None:
    """Give every property of `schemas` a title in words, and every enum the words of its values."""
    for schema in schemas.values():
        for name, node in schema.get("properties", {}).items():
            if node.get("title", usual_title(name)) == usual_title(name):
                node["title"] = label_of(name)
        if "enum" in schema:
            schema["x-enum-titles"] = {value: words_of(value) for value in schema["enum"] if isinstance(value, str)}


def usual_title(name: str) -> str:
    """The title that Pydantic makes of a name."""
    return name.title().replace("_", " ").strip()


def label_of(name: str) -> str:
    """The label of a field: `assignee_id` is an assignee."""
    return words_of(name.removesuffix("_id") or name)


def words_of(name: str) -> str:
    """A name in words, as in a sentence: `in_progress` is `In progress`."""
    words = [word.upper() if word in CAPITALS else word for word in name.replace("-", "_").split("_") if word]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) if words else name
