"""`x-access` of the document is what the guards ask, of every operation: with it a caller gets in, without it not."""

import re
from collections.abc import Collection, Iterator
from typing import Any

import httpx

from app.core.runtime.module_info import STANDARD_ACTIONS
from app.main import app as served
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
STREAM = "text/event-stream"
ENTRY = {"update": {"id": NOWHERE, "changes": {}}, "delete": {"id": NOWHERE}}
"""What a member of a bulk request can have where nothing needs to exist."""

Operation = tuple[str, str, dict[str, Any]]


def operations() -> Iterator[Operation]:
    """(method, path, access) of every operation that ends, by its path below the API."""
    for path, item in served.openapi()["paths"].items():
        for method, operation in item.items():
            kinds = [kind for answer in operation["responses"].values() for kind in answer.get("content", {})]
            if STREAM not in kinds:
                yield method.upper(), re.sub(r"{\w+}", NOWHERE, path.removeprefix("/api/v1")), operation["x-access"]


ALL = list(operations())
GUARDED = [(method, path, access) for method, path, access in ALL if "anyOf" in access]
CHOICES = sorted({tuple(choice) for _, _, access in GUARDED for choice in access["anyOf"]})
NAMES = sorted({name for choice in CHOICES for name in choice})
INSTEAD = {access["inSomeModule"] for _, _, access in GUARDED if "inSomeModule" in access}
EVERY = {f"{each.slug}:{action}" for each in served.state.modules for action in (*STANDARD_ACTIONS, *each.actions)}


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "permission-denied"


def test_the_walk_sees_every_operation() -> None:
    assert len(GUARDED) > 100
    assert {access["caller"] for _, _, access in ALL} == {"anyone", "authenticated", "service"}


async def test_the_declared_permissions_are_enough(signed_in_as: SignedInAs) -> None:
    for choice in CHOICES:
        person = await signed_in_as(*choice)
        for method, path, access in GUARDED:
            if list(choice) in access["anyOf"]:
                answer = await person.call(method, path, params=values_for(choice, access))
                assert not is_refused(answer), f"{method} {path} {choice}: {answer.text}"


def values_for(choice: Collection[str], access: dict[str, Any]) -> dict[str, str]:
    """Values of parameters that need nothing besides `choice`."""
    parameters = access.get("byParameter", {}).items()
    return {name: value for name, values in parameters for value, needed in values.items() if {*needed} <= {*choice}}


async def test_everything_but_one_of_them_is_not_enough(signed_in_as: SignedInAs) -> None:
    for name in NAMES:
        lacking = lost_with(name)
        person = await signed_in_as(*EVERY - lacking)
        for method, path, access in GUARDED:
            if all(name in choice for choice in access["anyOf"]):
                answer = await person.call(method, path)
                assert is_refused(answer), f"{method} {path}: {answer.status_code} {answer.text}"
                assert any(each in answer.json()["detail"] for each in lacking), answer.text


def lost_with(name: str) -> set[str]:
    """The permissions that a caller cannot have without `name`, and those by which some operations do without it."""
    slug, _, action = name.partition(":")
    of_module = {each for each in EVERY if each.startswith(f"{slug}:") and action == "read"}
    return {name} | of_module | {each for each in EVERY if each.partition(":")[2] in INSTEAD}


async def test_values_of_parameters_and_members_need_what_is_declared(signed_in_as: SignedInAs) -> None:
    asked = 0
    for method, path, access in ALL:
        for ask, needed in questions(method, path, access):
            besides = [name for name in access["anyOf"][0] if name not in needed]
            for missing in needed:
                others = {*besides, *needed} - {missing}
                answer = await ask(await signed_in_as(*others))
                assert is_refused(answer), f"{path} {others}: {answer.text}"
                assert missing in answer.json()["detail"]
            assert not is_refused(await ask(await signed_in_as(*besides, *needed)))
            asked += 1
    assert asked > 20


def questions(method: str, path: str, access: dict[str, Any]) -> Iterator[tuple[Any, list[str]]]:
    """(what asks it of the API, the permissions that it needs besides) for each value and member of one operation."""
    for name, values in access.get("byParameter", {}).items():
        for value, needed in values.items():
            yield lambda person, ask={name: value}: person.call(method, path, params=ask), needed
    for name, needed in access.get("byMember", {}).items():
        if name in ENTRY:
            yield lambda person, body={name: [ENTRY[name]]}: person.call(method, path, json=body), needed


async def test_what_needs_a_session_refuses_keys_and_nothing_else_does(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(superuser=True)
    key = await key_of(person)

    for method, path, access in ALL:
        if access["caller"] == "authenticated" and method == "GET":
            answer = await person.client.request(method, path, headers={"Authorization": f"Bearer {key}"})
            only = answer.status_code == 403 and answer.json()["detail"].startswith("An API key cannot")
            assert only is access.get("sessionOnly", False), f"{method} {path}: {answer.text}"


async def key_of(person: Person) -> str:
    answer = await person.post("/auth/api-keys", {"name": "walk", "scopes": ["tasks:read"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])
