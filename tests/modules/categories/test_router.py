"""What only categories promise: a tree, and names that are unique among siblings."""

from typing import Any

from tests.conftest import SignedInAs
from tests.modules.categories.factory import PATH
from tests.people import Person


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

    refused = [await person.patch(f"{PATH}/{top['id']}", {"parent_id": below["id"]}) for below in (top, middle, bottom)]
    bulk = await person.post(f"{PATH}/bulk", {"update": [{"id": top["id"], "changes": {"parent_id": bottom["id"]}}]})
    moved = await person.patch(f"{PATH}/{bottom['id']}", {"parent_id": top["id"]})

    assert [(answer.status_code, answer.json()["code"]) for answer in [*refused, bulk]] == [(409, "category-cycle")] * 4
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


async def test_a_branch_falls_from_its_leaves(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create", "categories:delete")
    top = await made(person, "top")
    leaf = await made(person, "leaf", top)

    answers = [await person.delete(f"{PATH}/{node['id']}") for node in (top, leaf, top)]
    orphan = await person.post(f"{PATH}/{leaf['id']}/restore")

    assert [answer.status_code for answer in answers] == [409, 204, 204]
    assert orphan.status_code == 409
    children = await person.get(PATH, params={"parent_id": top["id"]})
    assert children.json()["items"] == []
