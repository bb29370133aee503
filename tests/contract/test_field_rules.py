"""Fields that only some callers may read: no answer shows one, or depends on it, and no request changes one."""

import csv
import io
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.db.field_rules import MASKED, rules_of
from app.main import API
from tests.answers import statuses
from tests.contract.governed import (
    all_but_reading,
    governed,
    masked_fields,
    names_of,
    questions,
    says,
    send,
    shown,
    table_of,
    texts_of,
    writes,
)
from tests.contract.resources import everything
from tests.modules.api_keys.test_api_keys import make_key
from tests.people import Person, SignedInAs

resources = pytest.mark.parametrize("resource", governed().values(), ids=list(governed()))


async def make(person: Person, resource: Any, values: dict[str, Any]) -> dict[str, Any]:
    answer = await person.post(resource.PATH, {**resource.body(), **values})
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


async def ask_everything(person: Person, resource: Any, items: list[str]) -> dict[str, Any]:
    """Every answer of a module: what shows items, what asks by fields, and what sends one of two values of each."""
    answers = await shown(person, resource, items[0])
    for number, (below, query) in enumerate(questions(resource, resource.MASKED[0])):
        answers[f"question {number}"] = await person.get(f"{resource.PATH}{below}", params=query)
    for number, sent in enumerate(resource.MASKED):
        for item in items:
            made = await writes(person, resource, item, sent)
            answers |= {f"write {call} {number} {item}": answer for call, answer in made.items()}
    return answers


def test_the_walk_has_modules_and_values() -> None:
    assert "customers" in governed()
    for resource in governed().values():
        for values in resource.MASKED:
            assert values.keys() == set(names_of(resource)), "a factory has two values of each"


@resources
async def test_what_a_caller_may_not_read_is_in_no_answer(signed_in_as: SignedInAs, resource: Any) -> None:
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    exports = [name for name in all_but_reading(resource) if name.endswith(":export")]
    key, _ = await make_key(root, f"{resource.SLUG}:read", f"{resource.SLUG}:create", *exports)
    item = await make(root, resource, resource.MASKED[0])
    canaries = texts_of(resource.MASKED[0])

    for caller in (person, key):
        answers = await shown(caller, resource, item["id"])
        assert set(statuses(answers).values()) == {200}
        assert {call: [text for text in canaries if text in answer.text] for call, answer in answers.items()} == {
            call: [] for call in answers
        }
        assert masked_fields(answers["one"]) == masked_fields(answers["some fields"]) == [*names_of(resource)]
        assert {answers["one"].json()[name] for name in names_of(resource)} == {None}
        assert answers["one"].headers["etag"] == answers["head"].headers["etag"]
    assert masked_fields(await root.get(f"{resource.PATH}/{item['id']}")) == []


@resources
async def test_a_masked_answer_is_another_representation(signed_in_as: SignedInAs, resource: Any) -> None:
    """A cache that has the masked one must not be told that nothing changed when the caller may read more."""
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    path = f"{resource.PATH}/{(await make(root, resource, resource.MASKED[0]))['id']}"

    masked, whole = (await person.get(path)).headers["etag"], (await root.get(path)).headers["etag"]
    again = await root.get(path, headers={"If-None-Match": masked})
    same = await person.get(path, headers={"If-None-Match": masked})
    changed = await person.patch(path, resource.CHANGE, headers={"If-Match": masked})

    assert masked != whole
    assert (again.status_code, same.status_code, changed.status_code) == (200, 304, 200)
    assert masked_fields(changed) == names_of(resource)


@resources
async def test_no_question_is_answered_by_what_is_masked(signed_in_as: SignedInAs, resource: Any) -> None:
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    await make(root, resource, resource.MASKED[0])
    asked = list(questions(resource, resource.MASKED[0]))
    assert len(asked) >= 20
    permissions = rules_of(table_of(resource)).read

    for path, query in asked:
        answer = await person.get(f"{resource.PATH}{path}", params=query)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied"), query
        [error] = answer.json()["errors"]
        assert error["params"]["permission"] in permissions
        assert error["pointer"].removeprefix("/query/") in query
        assert (await root.get(f"{resource.PATH}{path}", params=query)).status_code == 200, query
    for kind in ("text/csv", "application/x-ndjson"):
        refused = await person.get(resource.PATH, params=asked[0][1], headers={"Accept": kind})
        assert refused.status_code == 403


@resources
async def test_answers_are_the_same_whatever_is_masked(signed_in_as: SignedInAs, resource: Any) -> None:
    """The oracle: every request of a caller has the same answer in two worlds that differ in what is masked."""
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    item, other = await make(root, resource, resource.MASKED[0]), await make(root, resource, {})
    path = f"{resource.PATH}/{item['id']}"
    worlds: list[dict[str, Any]] = []

    for values in resource.MASKED:
        changed = await root.patch(path, {**values, **resource.CHANGE})
        assert changed.status_code == 200, changed.text
        answers = await ask_everything(person, resource, [item["id"], other["id"]])
        worlds.append({call: says(answer) for call, answer in answers.items()})

    assert worlds[0].keys() == worlds[1].keys()
    assert [call for call in worlds[0] if worlds[0][call] != worlds[1][call]] == []
    assert {status for call, (status, *_) in worlds[0].items() if call.startswith("write")} == {403}
    stored = (await root.get(path)).text
    assert all(text in stored for text in texts_of(resource.MASKED[1])), "nothing was written"


@resources
async def test_a_field_for_itself_names_what_it_needs(signed_in_as: SignedInAs, resource: Any) -> None:
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    item = await make(root, resource, resource.MASKED[0])

    for name in names_of(resource):
        for value in (resource.MASKED[0][name], resource.MASKED[1][name], None):
            answer = await person.patch(f"{resource.PATH}/{item['id']}", {name: value})
            if answer.status_code != 422:  # null is no value of some fields
                assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (403, f"/body/{name}")
    assert (await root.get(f"{resource.PATH}/{item['id']}")).json()["version"] == 1


@resources
async def test_a_masked_export_is_imported_again(signed_in_as: SignedInAs, resource: Any) -> None:
    """What was masked in a file is left as it is, whoever imports it: an empty cell there clears no value."""
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    item = await make(root, resource, resource.MASKED[0])
    before = (await root.get(f"{resource.PATH}/{item['id']}")).json()

    for kind in ("text/csv", "application/x-ndjson"):
        file = (await person.get(resource.PATH, headers={"Accept": kind})).content
        for caller in (person, root):
            report = await caller.post(
                f"{resource.PATH}/import",
                content=file,
                params={"mode": "upsert"},
                headers={"Content-Type": kind},
            )
            assert report.status_code == 200, report.text
            assert (report.json()["unchanged"], report.json()["updated"]) == (1, 0)
    assert (await root.get(f"{resource.PATH}/{item['id']}")).json() == before

    name = next(name for name, value in resource.MASKED[1].items() if isinstance(value, str))
    document = (await person.get(f"{resource.PATH}/{item['id']}")).json() | {name: resource.MASKED[1][name]}
    for caller, status in ((person, 403), (root, 200)):
        edited = await send(caller, f"{resource.PATH}/import", document, {"mode": "upsert"})
        assert edited.status_code == status, edited.text
    assert (await root.get(f"{resource.PATH}/{item['id']}")).json()[name] == resource.MASKED[1][name]


@resources
async def test_a_file_with_masked_fields_creates_nothing(signed_in_as: SignedInAs, resource: Any) -> None:
    """Regression: a file of importable columns did not say what was masked, so that empty cells looked like values."""
    root = await signed_in_as(superuser=True)
    person = await signed_in_as(*all_but_reading(resource))
    await make(root, resource, resource.MASKED[0])

    for kind in ("text/csv", "application/x-ndjson"):
        headers = {"Content-Type": kind}
        for caller, status in ((person, 422), (root, 200)):
            file = await caller.get(resource.PATH, params={"columns": "importable"}, headers={"Accept": kind})
            content = file.text.replace("@", f"-{kind[-3:]}@")
            answer = await root.post(f"{resource.PATH}/import", content=content.encode(), headers=headers)
            assert answer.status_code == status, answer.text
            if status == 422:
                names = [error["pointer"].rpartition("/")[2] for error in answer.json()["errors"]]
                pointers = {name.partition(".")[0] for name in names}
                assert pointers == set(names_of(resource))


@resources
async def test_who_may_read_sees_and_writes_as_before(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await make(person, resource, resource.MASKED[0])
    path = f"{resource.PATH}/{item['id']}"

    changed = await person.patch(path, resource.MASKED[1])
    listed = list(csv.DictReader(io.StringIO((await person.get(resource.PATH, headers={"Accept": "text/csv"})).text)))

    assert (changed.status_code, masked_fields(changed)) == (200, [])
    assert listed[0][MASKED] == "[]"
    assert [name for name in names_of(resource) if changed.json()[name] == item[name]] == []


@resources
async def test_the_document_says_what_a_field_needs(app: FastAPI, resource: Any) -> None:
    rules = rules_of(table_of(resource))
    schemas = app.openapi()["components"]["schemas"]
    listed = app.openapi()["paths"][f"{API}{resource.PATH}"]["get"]["parameters"]
    asked = {parameter["name"]: parameter.get("x-read-action") for parameter in listed}

    for schema in (schemas[kind.__name__] for kind in rules.schemas):
        for name in names_of(resource):
            assert schema["properties"][name]["x-read-action"] == rules.permission_to_read(name)
    assert {asked.get(name) for name in names_of(resource)} - {None} == {*rules.read}
    assert asked["created_at_gte"] is None
