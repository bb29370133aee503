"""Callers ask why they may do something or not, and who can give it, without permission to read the policy."""

from typing import Any

import pytest

from app.core.config import ApprovalSettings, Settings
from app.main import app as served
from tests.modules.roles.policies import role_of
from tests.people import Person, SignedInAs


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with a rule about grants."""
    return settings.model_copy(update={"approvals": ApprovalSettings(required_for=("grant:users:*",))})


async def explain(person: Person, permission: str) -> dict[str, Any]:
    answer = await person.get("/auth/me/explain", params={"permission": permission})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_is_held_names_the_role(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:update@own")

    found = await explain(person, "tasks:update")

    assert (found["allowed"], found["scopes"], found["obstacles"]) == (True, ["own"], [])
    assert [ground["role"] for ground in found["reasons"]] == [person.username]


async def test_what_is_not_held_says_who_can_give_it(signed_in_as: SignedInAs) -> None:
    person, holder = await signed_in_as("tasks:create"), await signed_in_as("brands:delete")
    reader = await signed_in_as("roles:read")

    found, told = await explain(person, "brands:delete"), await explain(reader, "brands:delete")
    flag = await explain(person, "tasks:delete")

    assert (found["allowed"], found["obstacles"], flag["obstacles"]) == (False, ["no-grant"], ["flag-missing"])
    assert found["granted_by"] is None, "names of roles are for readers of the policy"
    assert told["granted_by"] == [holder.username]
    (giving,) = served.openapi()["paths"]["/api/v1/roles/{id}/users"]["post"]["x-access"]["anyOf"]
    assert found["given_with"] == giving


async def test_inactive_grants_and_modules_are_obstacles(signed_in_as: SignedInAs) -> None:
    root, person, other = await signed_in_as(superuser=True), await signed_in_as("tags:read"), await signed_in_as()
    modules = (await root.get("/modules", params={"limit": 100})).json()["items"]
    (tags,) = (each["id"] for each in modules if each["slug"] == "tags")

    assert (await root.patch(f"/modules/{tags}", {"is_active": False})).status_code == 200
    assert (await explain(person, "tags:read"))["obstacles"] == ["module-inactive"]
    assert (await explain(other, "tags:read"))["obstacles"] == ["module-inactive", "no-grant"]
    assert (await root.patch(f"/modules/{tags}", {"is_active": True})).status_code == 200
    assert (await root.patch(f"/roles/{await role_of(person, root)}", {"is_active": False})).status_code == 200

    assert (await explain(person, "tags:read"))["obstacles"] == ["role-inactive"]
    assert (await explain(root, "tags:read"))["granted_by"] == []


async def test_a_key_without_the_scope_says_so(signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as("tasks:create")
    made = (await owner.post("/auth/api-keys", {"name": "reads", "scopes": ["tasks:read"]})).json()
    key = Person(owner.id, owner.username, owner.client, made["key"], "")

    found = await explain(key, "tasks:create")

    assert (found["allowed"], found["obstacles"]) == (False, ["key-scope"])
    assert (await explain(key, "tasks:read"))["allowed"] is True
    assert (await explain(owner, "tasks:create"))["allowed"] is True


async def test_a_grant_that_waits_for_a_second_person_is_announced(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as()

    assert (await explain(person, "users:update"))["needs_approval"] is True
    assert (await explain(person, "tasks:update"))["needs_approval"] is False


async def test_an_unknown_permission_is_refused(signed_in_as: SignedInAs) -> None:
    answer = await (await signed_in_as()).get("/auth/me/explain", params={"permission": "sheep:read"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "unknown-permission"


async def test_permissions_have_the_words_of_actions_and_scopes(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("products:set-price", "tasks:read@own")

    found = {each["module_slug"]: each for each in (await person.get("/auth/me/permissions")).json()}

    assert found["products"]["actions"] == ["set-price"]
    titles = {"move-stock": "Record stock movements", "set-price": "Set prices", "export": "Get lists as files"}
    assert found["products"]["action_titles"] == titles
    assert found["tasks"]["scopes"]["read"] == ["own"]
    assert found["tasks"]["scope_titles"].keys() >= {"own"}
