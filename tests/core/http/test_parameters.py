"""Parameters in a URL: each once, in the form of its type, and of a known name."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from app.core.http.scalar_forms import form_of
from app.main import create_app
from tests.core.http.problems import assert_problem
from tests.people import SignedInAs


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=5&limit=6", "/query/limit", "repeated-parameter"),
        ("limit=5&limit=5", "/query/limit", "repeated-parameter"),
        ("q=a&q=b", "/query/q", "repeated-parameter"),
        ("colour=a&colour=b", "/query/colour", "unknown-parameter"),
        ("limit=1_0", "/query/limit", "int-parsing"),
        ("limit=1.0", "/query/limit", "int-parsing"),
        ("limit=%205", "/query/limit", "int-parsing"),
        ("limit=5%20", "/query/limit", "int-parsing"),
        ("limit=%2B5", "/query/limit", "int-parsing"),
        ("limit=%D9%A5", "/query/limit", "int-parsing"),
        ("limit=1e1", "/query/limit", "int-parsing"),
        ("limit=", "/query/limit", "int-parsing"),
        ("limit=-1", "/query/limit", "greater-than-equal"),
        ("total=yes", "/query/total", "bool-parsing"),
        ("total=1", "/query/total", "bool-parsing"),
        ("total=TRUE", "/query/total", "bool-parsing"),
    ],
)
async def test_a_value_has_one_form_and_comes_once(
    signed_in_as: SignedInAs, query: str, pointer: str, code: str
) -> None:
    person = await signed_in_as("tasks:read")

    answer = await person.get(f"/tasks?{query}")

    assert_problem(answer, 422, "invalid-fields")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


async def test_lists_come_more_than_once(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read", "audit:read")

    for path in (
        "/tasks?status=todo&status=done&limit=5&total=exact",
        "/audit/access?status=200&status=404&total=false",
        "/audit/summary?by=day&by=entity",
    ):
        assert (await person.get(path)).status_code == 200, path


async def test_every_place_reads_numbers_strictly(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)

    for path, pointer in (
        ("/audit/changes/1_0", "/path/id"),
        ("/audit/access?status=2_00", "/query/status"),
        ("/audit/access?status_gte=200.0", "/query/status_gte"),
        ("/audit/feed?limit=1_0", "/query/limit"),
        ("/products?price_gte=1_0", "/query/price_gte"),
        ("/roles/matrix?limit=1.0", "/query/limit"),
    ):
        answer = await root.get(path)
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, path


async def test_flags_of_a_change_are_read_strictly(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    answer = await person.post("/tasks/import?dry_run=yes", headers={"Content-Type": "text/csv"}, content=b"title\nx\n")

    assert_problem(answer, 422, "invalid-fields")
    assert answer.json()["errors"][0]["detail"] == "Write true or false."


@pytest.mark.parametrize(("path", "known"), [("method=POSTT", "POST"), ("method=post", "POST")])
async def test_the_problem_of_a_method_says_what_there_is(signed_in_as: SignedInAs, path: str, known: str) -> None:
    auditor = await signed_in_as("audit:read")

    answer = await auditor.get(f"/audit/access?{path}")

    assert_problem(answer, 422, "invalid-fields")
    assert known in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("path", ["/audit/changes?entity=taks", "/audit/summary?by=day&entity=taks"])
async def test_the_problem_of_a_table_says_what_there_is(signed_in_as: SignedInAs, path: str) -> None:
    auditor = await signed_in_as("audit:read")

    answer = await auditor.get(path)
    known = await auditor.get(path.replace("taks", "task"))

    assert_problem(answer, 422, "invalid-fields")
    assert answer.json()["errors"][0]["code"] == "unknown-table"
    assert "task, user" in answer.json()["errors"][0]["detail"].replace(" task_", " ")
    assert known.status_code == 200


def test_what_there_is_stands_in_the_document() -> None:
    document = create_app().openapi()

    for path, name, value in (
        ("/audit/changes", "entity", "task"),
        ("/audit/summary", "entity", "product"),
        ("/audit/access", "method", "PATCH"),
    ):
        parameters = document["paths"][f"/api/v1{path}"]["get"]["parameters"]
        schema = next(parameter["schema"] for parameter in parameters if parameter["name"] == name)
        [known] = [each["enum"] for each in (schema, *schema.get("anyOf", ())) if "enum" in each]
        assert value in known, (path, name)


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (int, ["0", "-7", "007"], ["", "1_0", "1.0", " 5", "+5", "٥", "5\n", "0x1"]),
        (int | None, ["5"], ["null", "None"]),
        (bool, ["true", "false"], ["1", "on", "True", "t"]),
        (bool | Literal["exact"], ["true", "exact"], ["EXACT", "1"]),
        (list[Annotated[int, Field(ge=1)]], ["5"], ["1_0"]),
        (Annotated[Decimal | None, Field(ge=0)], ["19.90", "5"], ["1e3", "NaN", ".5", "5.", "1_0.0"]),
    ],
)
def test_the_form_of_a_type(annotation: Any, right: list[str], wrong: list[str]) -> None:
    form = form_of(annotation)

    assert form is not None
    assert all(map(form.allows, right))
    assert not any(map(form.allows, wrong))


@pytest.mark.parametrize("annotation", [str, UUID, int | str, str | None, Literal["a", "b"]])
def test_other_types_read_text_themselves(annotation: Any) -> None:
    assert form_of(annotation) is None
