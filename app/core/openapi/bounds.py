"""How large a value can be: what the models say, and what holds for every request and answer."""

from typing import Any

Json = dict[str, Any]

INT32 = 2**31 - 1
SAFE = 2**53 - 1
"""RFC 7493: every number of an answer is one that JavaScript keeps."""
TEXT, LIST = 65_536, 10_000
"""Longest text and list of an answer, where no model says less."""
NO_NUL = r"^[^\x00]*$"
"""A NUL is refused in bodies and addresses alike, and no column keeps one."""
FORMATS = {"uuid": 36, "date": 10, "date-time": 64, "email": 254, "password": 1024, "phone": 20}
"""Longest value by format: RFC 9562, RFC 3339, RFC 5321, E.164; a password as every form takes it."""
UNBOUNDED = frozenset({"effects", "changes"})
"""One entry for each user or row concerned: no honest limit."""
VALUES = ("default", "example", "examples", "enum", "const", "required")


def collapse(parameter: Json) -> None:
    """A parameter that is absent is absent: `null` is no value that an address or a header can hold."""
    schema = parameter["schema"]
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        del schema["anyOf"]
        parameter["schema"] = {**options[0], **schema}


def bound(node: Any, name: str = "") -> None:
    """Give every string, integer and list below `node` its bounds; `name` is the property that holds it."""
    if isinstance(node, list):
        for item in node:
            bound(item, name)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind in LIMITS:
            LIMITS[kind](node, name)
        for key, value in node.items():
            if key == "properties":
                for field, below in value.items():
                    bound(below, field)
            elif key not in VALUES:
                bound(value, name)


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
