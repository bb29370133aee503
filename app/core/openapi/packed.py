"""The document for programs that draw screens: operations, fields and extensions, without what they do not read.

Left out are problems and headers, which are the same everywhere, and bounds that follow from no model.
"""

from typing import Any

from app.core.openapi.bounds import LIST, NO_NUL, SAFE, TEXT

Json = dict[str, Any]

ALWAYS = {
    "pattern": NO_NUL,
    "maxLength": TEXT,
    "maxItems": LIST,
    "minimum": -SAFE,
    "maximum": SAFE,
    "additionalProperties": False,
    "required": False,
}
"""What a schema or a parameter says where no model says more."""
VALUES = frozenset({"default", "enum", "const", "x-resource", "x-access", "x-enum-titles"})
"""What is kept as it is."""


def pack_document(document: Json) -> Json:
    """The part of `document` that a screen needs."""
    paths = {
        path: {method: pack_operation(operation) for method, operation in item.items()}
        for path, item in document["paths"].items()
    }
    schemas: Json = pack(document["components"]["schemas"], is_named=True)
    kept = {name: value for name, value in document.items() if name not in ("paths", "components")}
    return {**kept, "paths": paths, "components": {"schemas": schemas}}


def pack_operation(operation: Json) -> Json:
    """An operation with its successful responses, without their headers."""
    kept = {name: value for name, value in operation.items() if name not in ("security", "responses", "description")}
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    responses = {
        status: {name: value for name, value in answer.items() if name in ("description", "content")}
        for status, answer in answers.items()
    }
    parameters = [pack_parameter(parameter) for parameter in operation.get("parameters", ())]
    packed: Json = pack({**kept, "parameters": parameters, "responses": responses})
    return packed


def pack_parameter(parameter: Json) -> Json:
    """A parameter; its name says what a description in words repeats."""
    schema = {name: value for name, value in parameter["schema"].items() if name not in ("title", "description")}
    return {**{name: value for name, value in parameter.items() if name != "description"}, "schema": schema}


def pack(node: Any, *, is_named: bool = False) -> Any:
    """`node` without what follows from no model. The keys of one that `is_named` are names that a module chose."""
    if isinstance(node, list):
        return [pack(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if is_named or not says_nothing(name, value)}
    return {
        name: value if name in VALUES and not is_named else pack(value, is_named=name == "properties" and not is_named)
        for name, value in kept.items()
    }


def says_nothing(name: str, value: Any) -> bool:
    """Whether a keyword of a schema or a parameter has the value that it has everywhere."""
    return name in ("examples", "example") or (name in ALWAYS and value == ALWAYS[name])
