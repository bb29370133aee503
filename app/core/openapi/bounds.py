"""Bounds of values in the document: those of the models, and those that hold for every request and response."""

from typing import Any

Json = dict[str, Any]

INT32 = 2**31 - 1
SAFE = 2**53 - 1
"""RFC 7493: JavaScript represents every number of a response exactly."""
TEXT, LIST = 65_536, 10_000
"""Longest text and list of a response, where no model sets a smaller bound."""
NO_NUL = r"^[^\x00]*$"
"""A NUL is refused in bodies and URLs, and no column stores one."""
FORMATS = {"uuid": 36, "date": 10, "date-time": 64, "email": 254, "password": 1024, "phone": 20}
"""Longest value by format: RFC 9562, RFC 3339, RFC 5321, E.164; a password: the limit of every form."""
UNBOUNDED = frozenset({"effects", "changes"})
"""One entry for each affected user or row, so there is no true bound."""
VALUES = ("default", "example", "examples", "enum", "const", "required")


def remove_null(parameter: Json) -> None:
    """Remove `null` from the schema of a parameter: neither a URL nor a header can hold it."""
    schema = parameter["schema"]
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        del schema["anyOf"]
        parameter["schema"] = {**options[0], **schema}
    elif options:
        schema["anyOf"] = options


def add_bounds(node: object, name: str = "") -> None:
    """Give every string, integer and list below `node` its bounds; `name` is the property that holds it."""
    if isinstance(node, list):
        for item in node:
            add_bounds(item, name)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind in LIMITS:
            LIMITS[kind](node, name)
        for key, value in node.items():
            if key == "properties":
                for field, below in value.items():
                    add_bounds(below, field)
            elif key not in VALUES:
                add_bounds(value, name)


def bound_text(node: Json, _name: str) -> None:
    if "enum" in node or "const" in node:
        return
    node.setdefault("maxLength", FORMATS.get(node.get("format", ""), TEXT))
    if "format" not in node:
        node.setdefault("pattern", NO_NUL)


def bound_integer(node: Json, _name: str) -> None:
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in node:
            node[key] = int(node[key])  # FastAPI's model of the document makes floats of them
    if "exclusiveMinimum" not in node:
        node.setdefault("minimum", -SAFE)
    if "exclusiveMaximum" not in node:
        node.setdefault("maximum", SAFE)
    is_small = node.get("minimum", 0) >= -INT32 and node.get("maximum", SAFE) <= INT32
    node.setdefault("format", "int32" if is_small else "int64")


def bound_list(node: Json, name: str) -> None:
    if name not in UNBOUNDED:
        node.setdefault("maxItems", LIST)


LIMITS = {"string": bound_text, "integer": bound_integer, "array": bound_list}
