"""Keeps the files that clients are built from: `python -m scripts.contract write` renews them, `check` compares them.

- docs/openapi.json: the document that the code serves now.
- docs/attest.postman_collection.json: the same as a collection for Postman and Bruno.
- docs/openapi.baseline: the released API, a line for each fact that clients rely on. A removed operation,
  parameter, field, type or enum value breaks clients, and so does a new required input of an existing operation.
  `release` renews it.
  Lengths and patterns are not watched.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from app.main import app

Json = dict[str, Any]

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENT, COLLECTION, BASELINE = (
    DOCS / name for name in ("openapi.json", "attest.postman_collection.json", "openapi.baseline")
)
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
REQUIRED = "required: "
KEEP_BEARER = "pm.collectionVariables.set('token', pm.response.json().access_token);"


def render(document: Json) -> bytes:
    return orjson.dumps(sort_keys(document), option=orjson.OPT_INDENT_2) + b"\n"


def sort_keys(node: Any, name: str = "") -> Any:
    """`node` with its keys in order, except for media types: generators take the first that an operation names."""
    if isinstance(node, dict):
        keys = node if name == "content" else sorted(node)
        return {key: sort_keys(node[key], key) for key in keys}
    return [sort_keys(value) for value in node] if isinstance(node, list) else node


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def baseline(document: Json) -> set[str]:
    """The facts that clients rely on. Lines that begin with `required: ` are inputs that they must send."""
    found: set[str] = set()
    for method, path, operation in operations(document):
        place = f"{method} {path}"
        found.add(f"{place} is {operation['operationId']}")
        for parameter in operation.get("parameters", ()):
            line = f"{place} takes {parameter['in']} {parameter['name']}"
            found.add(f"{line} as {kind_of(parameter['schema'])}")
            found |= {f"{REQUIRED}{line}"} if parameter.get("required") else set()
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            found.add(f"{place} takes {kind} {kind_of(media['schema'])}")
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                found.add(f"{place} answers {status} {kind} {kind_of(media['schema'])}")
    for name, schema in document["components"]["schemas"].items():
        found |= set(baseline_of(name, schema))
    return found


def baseline_of(name: str, schema: Json) -> Iterator[str]:
    for value in schema.get("enum", ()):
        yield f"{name} has {value}"
    for field, below in schema.get("properties", {}).items():
        yield f"{name}.{field} is {kind_of(below)}"
    is_input = schema.get("additionalProperties") is False
    for field in schema.get("required", ()):
        yield f"{REQUIRED}{name}.{field}" if is_input else f"{name}.{field} is always there"


def kind_of(schema: Json) -> str:
    """A short name of a schema, which changes if typed clients must change."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(sorted(kind_of(option) for option in schema[key]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'])}"
    return " ".join(str(schema[key]) for key in ("type", "format", "const", "enum") if key in schema) or "anything"


def broken(released: set[str], now: set[str]) -> list[str]:
    """The lines of the baseline that `now` breaks."""
    gone = [line for line in sorted(released - now) if not line.startswith(REQUIRED)]
    lost = [f"gone: {line}" for line in gone if not takes_more(line, now)]
    owners = {owner_of(line) for line in released}
    required = [line for line in sorted(now - released) if line.startswith(REQUIRED) and owner_of(line) in owners]
    return [*lost, *(f"new {line}" for line in required)]


def takes_more(line: str, now: set[str]) -> bool:
    """Whether `line` is of a parameter that takes more types or values now, beside those that it took.

    A query parameter that can be repeated takes what it took once: the URLs of before are valid.
    """
    parameter, _, kinds = line.partition(" as ")
    present = {other.partition(" as ")[2] for other in now if other.startswith(f"{parameter} as ")}
    is_repeated = " takes query " in parameter and f"list of {kinds}" in present
    return is_repeated or any(set(alternatives(kinds)) < set(alternatives(wider)) for wider in present)


def alternatives(kinds: str) -> Iterator[str]:
    """The types of a parameter; of an enum, each of its values."""
    for kind in kinds.split(" or "):
        name, is_enum, values = kind.partition(" [")
        yield from (f"{name} {value}" for value in values.removesuffix("]").split(", ")) if is_enum else [kind]


def owner_of(line: str) -> str:
    """The operation or schema of a line."""
    words = line.removeprefix(REQUIRED).split(" ")
    return " ".join(words[:2]) if words[1:2] and words[1].startswith("/") else words[0].partition(".")[0]


def collection(document: Json) -> Json:
    """A Postman collection: a folder for each tag, and a script that stores the token of a sign-in."""
    folders: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for method, path, operation in operations(document):
        folders[operation["tags"][0]].append(request_of(document, method, path, operation))
    variables = {"baseUrl": "http://127.0.0.1:8000", "token": ""}
    return {
        "info": {"name": document["info"]["title"], "schema": SCHEMA, "description": document["info"]["description"]},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": key, "value": value} for key, value in variables.items()],
        "item": [{"name": name, "item": items} for name, items in folders.items()],
    }


def request_of(document: Json, method: str, path: str, operation: Json) -> Json:
    given = operation.get("parameters", ())
    query = [{"key": p["name"], "value": "", "disabled": True} for p in given if p["in"] == "query"]
    headers = [{"key": p["name"], "value": "", "disabled": True} for p in given if p["in"] == "header"]
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    url = {
        "raw": "{{baseUrl}}/" + "/".join(parts),
        "host": ["{{baseUrl}}"],
        "path": parts,
        "query": query,
        "variable": [{"key": part[1:], "value": ""} for part in parts if part.startswith(":")],
    }
    request: Json = {"method": method, "url": url, "header": headers, "description": operation.get("description", "")}
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        if not kind.startswith("multipart/"):  # the client writes that header, with the boundary
            headers.append({"key": "Content-Type", "value": kind})
        request["body"] = body_of(document, kind, media["schema"])
        break
    item: Json = {"name": operation["summary"], "request": request}
    if path.endswith("/auth/token"):
        item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": [KEEP_BEARER]}}]
    return item


def body_of(document: Json, kind: str, schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    known = document["components"]["schemas"].get(name, schema)
    if kind.endswith("x-www-form-urlencoded"):
        return {"mode": "urlencoded", "urlencoded": [{"key": key, "value": ""} for key in known["properties"]]}
    if kind.startswith("multipart/"):
        return {"mode": "formdata", "formdata": [{"key": key, "type": "file"} for key in known["properties"]]}
    example = known.get("examples", [dict.fromkeys(known.get("required", ()))])[0]
    return {"mode": "raw", "raw": json.dumps(example, indent=2), "options": {"raw": {"language": "json"}}}


def complaints() -> list[str]:
    """The stale files, and the lines of the baseline that are broken."""
    document = app.openapi()
    wanted = {DOCUMENT: render(document), COLLECTION: render(collection(document))}
    stale = [f"stale: {path.name}; run `make openapi`" for path, text in wanted.items() if path.read_bytes() != text]
    return [*stale, *broken(set(BASELINE.read_text().splitlines()), baseline(document))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("write", "check", "release"))
    command, document = parser.parse_args().command, app.openapi()
    if command == "check":
        found = complaints()
        print("\n".join(found) or "contract: the documents are current, and the released baseline is kept")
        return 1 if found else 0
    DOCUMENT.write_bytes(render(document))
    COLLECTION.write_bytes(render(collection(document)))
    if command == "release":
        BASELINE.write_text("\n".join(sorted(baseline(document))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
