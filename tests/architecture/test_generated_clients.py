"""The document can be turned into clients: generators make one class of a tag, and names of their own of our names."""

import json
import re
from typing import Any

from app.main import app
from scripts.contract import DOCUMENT, operations

Json = dict[str, Any]

TAKEN = {"Array", "Blob", "Boolean", "Date", "Error", "File", "FormData", "Function", "Headers", "Map", "Number"} | {
    *("Object", "Partial", "Pick", "Promise", "Readonly", "Record", "Request", "Required", "Response", "Set"),
    *("String", "Symbol"),
}
"""Names of JavaScript and TypeScript that a generated file uses beside ours."""


def pascal_case(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))


def operation_names(document: Json) -> list[str]:
    return [pascal_case(operation["operationId"]) for _, _, operation in operations(document)]


def test_an_operation_has_one_tag() -> None:
    """A second tag puts the operation and its types into two classes, which export the same names."""
    several = {
        f"{method} {path}": operation["tags"]
        for method, path, operation in operations(app.openapi())
        if len(operation["tags"]) != 1
    }

    assert several == {}


def test_no_schema_has_a_name_that_a_generator_gives() -> None:
    """`UpdateTask…` is the generator's, whatever it appends: Params, Body, Result, Request, Response, Error, Data, 200.

    So are `TasksApi` of the tag `tasks`, and `NotFoundResponse` of the shared response `NotFound`.
    """
    document = app.openapi()
    schemas = document["components"]["schemas"]
    names = operation_names(document)

    begins_with_an_operation = {
        schema: name for schema in schemas for name in names if schema.lower().startswith(name.lower())
    }
    made = {f"{pascal_case(tag['name'])}Api" for tag in document["tags"]}
    made |= {f"{name}Response" for name in document["components"]["responses"]}

    assert begins_with_an_operation == {}
    assert set(schemas) & (made | TAKEN) == set()


def test_names_differ_in_more_than_case() -> None:
    """Generators write a file for each schema and a function for each operation; some file systems ignore case."""
    document = app.openapi()
    for names in (list(document["components"]["schemas"]), operation_names(document)):
        assert all(name.isidentifier() and name[0].isupper() for name in names)
        assert len({name.lower() for name in names}) == len(names)


def test_a_file_can_be_sent_as_a_form_before_all() -> None:
    """Generators take the first body of an operation, and most cannot send CSV; the file keeps that order."""
    served, written = app.openapi(), json.loads(DOCUMENT.read_text())
    uploads = [path for method, path, _ in operations(served) if path.endswith("/import")]

    assert uploads
    for document in (served, written):
        for path in uploads:
            content = document["paths"][path]["post"]["requestBody"]["content"]
            form = content["multipart/form-data"]["schema"]
            assert list(content) == ["multipart/form-data", "text/csv", "application/x-ndjson"]
            assert form["properties"]["file"]["format"] == "binary"
            assert form["required"] == ["file"]
