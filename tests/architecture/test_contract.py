"""The document that clients are made from: current, complete, and never less than what was released."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.main import app
from scripts.contract import BASELINE, baseline, broken, collection, complaints, operations
from tests.people import SignedInAs

Json = dict[str, Any]


def test_the_documents_are_current_and_the_released_baseline_is_kept() -> None:
    assert complaints() == []


BREAKS: dict[str, tuple[Callable[[Json], object], str]] = {
    "a removed path": (lambda d: d["paths"].pop("/api/v1/tasks/{id}"), "gone: GET /api/v1/tasks/{id} is get_task"),
    "a removed parameter": (
        lambda d: d["paths"]["/api/v1/tasks"]["get"]["parameters"].clear(),
        "gone: GET /api/v1/tasks takes query limit as integer int32",
    ),
    "another type of a parameter": (
        lambda d: d["paths"]["/api/v1/tasks"]["get"]["parameters"][0].update(schema={"type": "string"}),
        "gone: GET /api/v1/tasks takes query limit as integer int32",
    ),
    "a field that may be absent": (
        lambda d: schema(d, "TaskRead")["required"].remove("title"),
        "gone: TaskRead.title is always there",
    ),
    "a removed field": (lambda d: schema(d, "TaskRead")["properties"].pop("title"), "gone: TaskRead.title is string"),
    "a changed type": (
        lambda d: schema(d, "ProductRead")["properties"]["price"].update(type="number"),
        "gone: ProductRead.price is string",
    ),
    "a removed enum value": (lambda d: schema(d, "TaskStatus")["enum"].remove("done"), "gone: TaskStatus has done"),
    "a new required field": (
        lambda d: schema(d, "TaskCreate")["required"].append("due_date"),
        "new required: TaskCreate.due_date",
    ),
    "a new required parameter": (
        lambda d: d["paths"]["/api/v1/tasks"]["get"]["parameters"][0].update(required=True),
        "new required: GET /api/v1/tasks takes query limit",
    ),
}


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


@pytest.mark.parametrize(("damage", "complaint"), BREAKS.values(), ids=list(BREAKS))
def test_a_break_is_found(damage: Callable[[Json], object], complaint: str) -> None:
    released = set(BASELINE.read_text().splitlines())
    document = copy.deepcopy(app.openapi())

    damage(document)

    assert complaint in broken(released, baseline(document))


def test_what_is_only_new_breaks_nobody() -> None:
    released = set(BASELINE.read_text().splitlines())
    document = copy.deepcopy(app.openapi())

    document["paths"]["/api/v1/new"] = {"post": {**document["paths"]["/api/v1/tasks"]["post"], "operationId": "new"}}
    schema(document, "TaskCreate")["properties"]["hint"] = {"type": "string"}
    document["components"]["schemas"]["NewCreate"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
    }

    assert broken(released, baseline(document)) == []


def test_a_parameter_that_takes_more_breaks_nobody() -> None:
    takes = "GET /api/v1/tasks takes query total as"

    assert broken({f"{takes} boolean"}, {f"{takes} boolean or string const exact"}) == []
    assert broken({f"{takes} boolean or null"}, {f"{takes} boolean"}) == [f"gone: {takes} boolean or null"]
    assert broken({f"{takes} string ['a', 'b']"}, {f"{takes} string ['a', 'b', 'c']"}) == []
    assert broken({f"{takes} string ['a', 'b']"}, {f"{takes} string ['a', 'c']"}) != []
    assert broken({f"{takes} string uuid"}, {f"{takes} list of string uuid"}) == []
    assert broken({f"{takes} string uuid"}, {f"{takes} list of string"}) != []
    assert broken({"TaskPage.total is integer"}, {"TaskPage.total is integer or null"}) != []


def test_every_operation_says_what_a_client_needs() -> None:
    document = app.openapi()
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    ids = []
    for method, path, operation in operations(document):
        ids.append(operation["operationId"])
        assert operation["summary"], path
        assert all(tags[tag] for tag in operation["tags"]), path
        assert "security" in operation, path
        for status, answer in operation["responses"].items():
            assert status[0] in "23" or answer["$ref"].startswith("#/components/responses/"), (method, path, status)
    assert len(ids) == len(set(ids)) >= 100


def nodes(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(below)


def test_no_decimal_is_a_number() -> None:
    numbers = [node for node in nodes(app.openapi()) if node.get("type") == "number"]

    assert {node["title"] for node in numbers} == {
        *("Duration ms", "Lag seconds", "Unshipped seconds", "Number In A Sentence")
    }


def test_the_collection_has_every_operation() -> None:
    document = app.openapi()
    items = [item for folder in collection(document)["item"] for item in folder["item"]]

    assert len(items) == len(list(operations(document)))
    assert all(item["request"]["url"]["raw"].startswith("{{baseUrl}}/api/v1/") for item in items)
    assert sum("event" in item for item in items) == 1


async def test_the_examples_are_accepted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(superuser=True)
    document = app.openapi()
    tried = 0
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if method != "POST" or "{" in path or content is None:
            continue
        name = content["schema"]["$ref"].rpartition("/")[2]
        for example in schema(document, name).get("examples", ()):
            answer = await person.post(path.removeprefix("/api/v1"), example)
            assert answer.status_code in (201, 202), answer.text
            assert str(answer.status_code) in operation["responses"]
            tried += 1
    assert tried >= 6
