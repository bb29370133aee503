"""The document for programs that draw screens: lists, what can be done with them and their items, and their fields.

Left out are the other operations, problems and headers, which are the same everywhere, what a name says already, and
bounds that follow from no model.
"""

from collections.abc import Iterator
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
READ, JSON = "200", "application/json"
SCHEMAS = "#/components/schemas/"


def pack_document(document: Json) -> Json:
    """The part of `document` that a screen needs."""
    lists = [path for path, item in document["paths"].items() if is_list(item.get("get", {}))]
    paths = {
        path: {method: pack_operation(path, method, operation) for method, operation in item.items()}
        for path, item in document["paths"].items()
        if path in lists or any(path.startswith(f"{each}/") for each in lists)
    }
    schemas = document["components"]["schemas"]
    used = {name: pack_schema(schemas[name]) for name in sorted(find_used(paths, schemas))}
    kept: Json = {name: document[name] for name in ("openapi", "info", "servers") if name in document}
    return {**kept, "paths": paths, "components": {"schemas": used}}


def is_list(operation: Json) -> bool:
    return "x-resource" in operation


def pack_operation(path: str, method: str, operation: Json) -> Json:
    """What an operation asks, the parameters of a list, the body in JSON, and what a list or an item is read as."""
    packed: Json = {name: value for name, value in operation.items() if name in ("x-resource", "x-access")}
    if is_list(operation):
        queries = (each for each in operation.get("parameters", ()) if each["in"] == "query")
        packed["parameters"] = [pack_parameter(parameter) for parameter in queries]
    if content := json_of(operation.get("requestBody", {})):
        packed["requestBody"] = {"content": content}
    if method == "get" and (is_list(operation) or path.endswith("/{id}")):
        packed["responses"] = {READ: {"content": json_of(operation["responses"][READ])}}
    return packed


def json_of(body: Json) -> Json:
    """The content of a body or a response, where it is JSON."""
    content = body.get("content", {})
    return {JSON: {"schema": pack(content[JSON]["schema"])}} if JSON in content else {}


def pack_parameter(parameter: Json) -> Json:
    """A parameter; its name says what a title or a description repeats."""
    schema = {name: value for name, value in parameter["schema"].items() if name not in ("title", "description")}
    packed: Json = pack(
        {**{name: value for name, value in parameter.items() if name != "description"}, "schema": schema}
    )
    return packed


def pack_schema(schema: Json) -> Json:
    """A named schema. Of an object only the fields say what they are."""
    if "properties" not in schema:
        whole: Json = pack(schema)
        return whole
    fields = {
        name: {key: value for key, value in pack(field).items() if key != "title" or not repeats(value, name)}
        for name, field in schema["properties"].items()
    }
    others = {name: value for name, value in schema.items() if name not in ("properties", "title", "description")}
    return {**pack(others), "properties": fields}


def repeats(title: str, name: str) -> bool:
    return title.lower() == name.replace("_", " ")


def find_used(node: Any, schemas: Json) -> set[str]:
    """The names of the schemas that `node` refers to, also by others."""
    used: set[str] = set()
    waiting = list(references_in(node))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting.extend(references_in(schemas[name]))
    return used


def references_in(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from references_in(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value.removeprefix(SCHEMAS)
            else:
                yield from references_in(value)


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
