"""Rules of categories: a tree, and names that are unique among siblings."""

from typing import Any

from tests.answers import refusals, statuses
from tests.modules.categories.factory import PATH
from tests.people import Person, SignedInAs


async def made(person: Person, name: str, parent: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await person.post(PATH, {"name": name, "parent_id": parent["id"] if parent else None})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_category_is_never_below_itself(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:update")
    top = await made(person, "top")
    middle = await made(person, "middle", top)
    bottom = await made(person, "bottom", middle)

    path, change = f"{PATH}/{top['id']}", {"parent_id": bottom["id"]}
    refused = {
        f"below {node['name']}": await person.patch(path, {"parent_id": node["id"]}) for node in (top, middle, bottom)
    }
    refused["in bulk"] = await person.post(f"{PATH}/bulk", {"update": [{"id": top["id"], "changes": change}]})
    moved = await person.patch(f"{PATH}/{bottom['id']}", {"parent_id": top["id"]})

    assert refusals(refused) == dict.fromkeys(refused, (409, "category-cycle"))
    assert moved.status_code == 200


async def test_a_name_is_unique_among_siblings(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:update", "categories:delete")
    first, second = await made(person, "First"), await made(person, "Second")
    await made(person, "Same", first)

    elsewhere = await person.post(PATH, {"name": "same", "parent_id": second["id"]})
    sibling = await person.post(PATH, {"name": "SAME", "parent_id": first["id"]})
    root = await person.post(PATH, {"name": "first"})
    moved = await person.patch(f"{PATH}/{elsewhere.json()['id']}", {"parent_id": first["id"]})

    assert [answer.status_code for answer in (elsewhere, sibling, root, moved)] == [201, 409, 409, 409]


async def test_a_category_with_children_is_not_deleted(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:delete")
    top = await made(person, "top")
    leaf = await made(person, "leaf", top)

    answers = {
        "delete the parent": await person.delete(f"{PATH}/{top['id']}"),
        "delete the leaf": await person.delete(f"{PATH}/{leaf['id']}"),
        "delete the former parent": await person.delete(f"{PATH}/{top['id']}"),
        "restore the leaf": await person.post(f"{PATH}/{leaf['id']}/restore"),
    }

    assert list(statuses(answers).values()) == [409, 204, 204, 409], statuses(answers)
    children = await person.get(PATH, params={"parent_id": top["id"]})
    assert children.json()["items"] == []
