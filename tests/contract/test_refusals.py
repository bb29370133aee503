"""A refusal says what is at fault, in every module: which field is taken, what refers, which version is current."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import SQLModel

from app.core.db.references import referring_columns
from app.core.db.uniqueness import unique_keys
from tests.contract.resources import declared, everything, factories
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
ALL, BULK = factories(), declared()
BY_TABLE = {resource.ENTITY: resource for resource in ALL.values()}
TABLES = SQLModel.metadata.tables


def taken_fields() -> Iterator[Any]:
    """(resource, field) of every unique value that a client chooses."""
    for folder, resource in ALL.items():
        fields = {field for key in unique_keys(TABLES[resource.ENTITY]) for field in key.fields}
        for field in sorted(fields & resource.body().keys()):
            yield pytest.param(resource, field, id=f"{folder}-{field}")


def references() -> Iterator[Any]:
    """(resource, foreign key) of every reference in the body of a resource that can be changed in bulk."""
    for folder, resource in BULK.items():
        for key in sorted(TABLES[resource.ENTITY].foreign_keys, key=lambda key: key.parent.name):
            yield pytest.param(resource, key.parent.name, id=f"{folder}-{key.parent.name}")


def referrers() -> Iterator[Any]:
    """(target, referring resource, foreign key) of every reference that keeps its target from being deleted."""
    for folder, resource in ALL.items():
        for column in referring_columns(TABLES[resource.ENTITY]):
            owner = BY_TABLE[column.table.name]
            yield pytest.param(resource, owner, column.name, id=f"{folder}-{owner.SLUG}-{column.name}")


async def create_item(person: Person, resource: Any, **values: Any) -> dict[str, Any]:
    answer = await person.post(resource.PATH, {**resource.body(), **values})
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


async def import_lines(person: Person, resource: Any, *bodies: Any, **params: str) -> Any:
    content = "".join(json.dumps(body) + "\n" for body in bodies).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    return await person.post(f"{resource.PATH}/import", content=content, headers=headers, params=params)


def errors_of(answer: Any, status: int) -> list[dict[str, Any]]:
    assert answer.status_code == status, answer.text
    errors: list[dict[str, Any]] = answer.json()["errors"]
    assert all(error.keys() - {"line"} == {"pointer", "detail", "code", "params"} for error in errors)
    assert all(error["detail"].endswith(".") for error in errors)
    return errors


def pointers(answer: Any, status: int) -> list[str]:
    return [error["pointer"] for error in errors_of(answer, status)]


@pytest.mark.parametrize(("resource", "field"), [*taken_fields()])
async def test_a_taken_value_points_at_its_field(signed_in_as: SignedInAs, resource: Any, field: str) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    first, second = await create_item(person, resource), await create_item(person, resource)
    again = {**resource.body(), field: first[field]}

    created = await person.post(resource.PATH, again)
    changed = await person.patch(f"{resource.PATH}/{second['id']}", {field: first[field]})

    (error,) = errors_of(created, 409)
    assert created.json()["code"] == "already-exists"
    assert (error["pointer"], error["code"]) == (f"/body/{field}", "already-exists")
    assert field in error["params"]["fields"]
    assert errors_of(changed, 409) == [error]
    if resource in BULK.values():
        update = {"id": second["id"], "changes": {field: first[field]}}
        create_many = await person.post(f"{resource.PATH}/bulk", {"create": [resource.body(), again]})
        update_many = await person.post(f"{resource.PATH}/bulk", {"update": [update]})
        imported = await import_lines(person, resource, resource.body(), again)
        assert pointers(create_many, 409) == [f"/body/create/1/{field}"]
        assert pointers(update_many, 409) == [f"/body/update/0/changes/{field}"]
        assert pointers(imported, 422) == [f"/body/2/{field}"]


@pytest.mark.parametrize(("resource", "field"), [*references()])
async def test_a_reference_to_nothing_points_at_its_field(signed_in_as: SignedInAs, resource: Any, field: str) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    body, path = {**resource.body(), field: NOWHERE}, f"{resource.PATH}/bulk"
    update = {"id": item["id"], "changes": {field: NOWHERE}}

    answers = {
        f"/body/{field}": await person.post(resource.PATH, body),
        f"/body/create/1/{field}": await person.post(path, {"create": [resource.body(), body]}),
        f"/body/update/0/changes/{field}": await person.post(path, {"update": [update]}),
        f"/body/2/{field}": await import_lines(person, resource, resource.body(), body),
    }
    changed = await person.patch(f"{resource.PATH}/{item['id']}", {field: NOWHERE})

    assert {where: pointers(answer, 422) for where, answer in answers.items()} == {where: [where] for where in answers}
    assert errors_of(changed, 422)[0]["code"] == "unknown-reference"
    assert pointers(changed, 422) == [f"/body/{field}"]


@pytest.mark.parametrize(("target", "owner", "field"), [*referrers()])
async def test_what_refers_is_counted(signed_in_as: SignedInAs, target: Any, owner: Any, field: str) -> None:
    person = await signed_in_as(*everything(target.SLUG), *everything(owner.SLUG))
    item = await create_item(person, target)
    path = f"{target.PATH}/{item['id']}"
    await create_item(person, owner, **{field: item["id"]})
    one = await person.delete(path)
    for _ in range(2):
        await create_item(person, owner, **{field: item["id"]})

    three = await person.delete(path)
    many = await person.post(f"{target.PATH}/bulk", {"delete": [{"id": item["id"]}]})

    (error,) = errors_of(three, 409)
    kind = owner.ENTITY.replace("_", " ")
    assert three.json()["code"] == "in-use"
    assert error["params"] == {"kind": kind, "field": field, "count": 3, "count_is_exact": True}
    assert error["pointer"] == "/path/id"
    assert one.json()["detail"].startswith(f"1 {kind} still refers to this")
    assert three.json()["detail"].startswith("3 ")
    assert errors_of(many, 409) == [{**error, "pointer": "/body/delete/0/id"}]


@pytest.mark.parametrize("resource", ALL.values(), ids=list(ALL))
async def test_a_stale_version_brings_the_current_one(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"
    await person.patch(path, resource.CHANGE)
    current = (await person.get(path)).headers["etag"]

    stale = await person.patch(path, resource.CHANGE, headers={"If-Match": '"1"'})
    deleted = await person.delete(path, headers={"If-Match": '"1"'})

    for answer in (stale, deleted):
        (error,) = errors_of(answer, 412)
        assert (error["pointer"], error["params"]) == ("/header/If-Match", {"version": 2})
        assert answer.headers["etag"] == current
    if resource in BULK.values():
        operation = {"id": item["id"], "version": 1}
        for action, extra in (("update", {"changes": resource.CHANGE}), ("delete", {})):
            many = await person.post(f"{resource.PATH}/bulk", {action: [{**operation, **extra}]})
            (error,) = errors_of(many, 412)
            assert (error["pointer"], error["params"]) == (f"/body/{action}/0/version", {"version": 2})
            assert many.headers["etag"] == current
    retried = await person.patch(path, resource.CHANGE, headers={"If-Match": stale.headers["etag"]})
    assert retried.status_code == 200


@pytest.mark.parametrize("resource", ALL.values(), ids=list(ALL))
async def test_an_excluded_version_is_the_current_one(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    path = f"{resource.PATH}/{(await create_item(person, resource))['id']}"
    current = (await person.get(path)).headers["etag"]

    refused = await person.patch(path, resource.CHANGE, headers={"If-None-Match": current})

    (error,) = errors_of(refused, 412)
    assert (error["code"], error["pointer"]) == ("version-matches", "/header/If-None-Match")
    assert error["params"] == {"version": 1}
    assert refused.headers["etag"] == current


@pytest.mark.parametrize("resource", ALL.values(), ids=list(ALL))
async def test_a_field_that_cannot_be_set_is_read_only(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"

    whole = await person.patch(path, item)
    unknown = await person.patch(path, {"flavour": "sweet"})

    found = {error["pointer"]: error for error in errors_of(whole, 422) if error["code"] == "read-only"}
    assert {"/body/id", "/body/version", "/body/created_at", "/body/updated_at"} <= found.keys()
    assert found["/body/version"]["detail"] == "This is read-only; use If-Match instead."
    assert {"unknown-field"} & {error["code"] for error in errors_of(whole, 422)} == set()
    assert errors_of(unknown, 422)[0]["detail"] == "There is no such field."
    if resource in BULK.values():
        many = await person.post(f"{resource.PATH}/bulk", {"update": [{"id": item["id"], "changes": {"id": NOWHERE}}]})
        assert [(e["pointer"], e["code"]) for e in errors_of(many, 422)] == [("/body/update/0/changes/id", "read-only")]
