"""Rules of every resource. A module is tested here because it exists; it only brings a factory."""

from typing import Any

import pytest

from tests.answers import refusals
from tests.contract.resources import ACTIONS, creates_items, everything, factories, folders
from tests.people import Person, SignedInAs

resources = pytest.mark.parametrize("resource", factories().values(), ids=list(factories()))


UNLIKE = {"webhooks": "its creation needs a session, and shows a secret that no other answer has"}
"""Modules that the rules of a resource do not fit; their own tests have their contract."""


def test_every_resource_has_a_factory() -> None:
    needed = {folder for folder in folders() if creates_items(folder)} - UNLIKE.keys()

    assert needed <= set(factories())
    assert len(needed) >= 3


async def create_item(person: Person, resource: Any) -> dict[str, Any]:
    answer = await person.post(resource.PATH, resource.body())
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@resources
async def test_a_created_item_is_found_where_it_says(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))

    created = await person.post(resource.PATH, resource.body())

    assert created.status_code == 201, created.text
    item = created.json()
    assert created.headers["location"] == f"/api/v1{resource.PATH}/{item['id']}"
    assert created.headers["etag"] == '"1"'
    found = await person.get(f"{resource.PATH}/{item['id']}")
    assert found.json() == item
    assert found.headers["etag"] == '"1"'


@resources
async def test_an_unchanged_item_is_not_sent_again(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)

    answer = await person.get(f"{resource.PATH}/{item['id']}", headers={"If-None-Match": '"1"'})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == '"1"'


@resources
async def test_a_list_is_paged_and_capped(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    for _ in range(3):
        await create_item(person, resource)

    page = (await person.get(resource.PATH, params={"limit": 2, "total": "true"})).json()

    assert len(page["items"]) == 2
    assert page["total"] >= 3
    assert page["total_is_exact"] is True
    second = (await person.get(resource.PATH, params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert not {i["id"] for i in page["items"]} & {i["id"] for i in second["items"]}
    assert (await person.get(resource.PATH, params={"limit": 101})).status_code == 422
    assert (await person.get(resource.PATH, params={"limit": 0})).status_code == 422


@resources
async def test_a_list_sorts_by_its_whitelist_only(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    await create_item(person, resource)

    for sort in ("created_at", "-updated_at", "-created_at,updated_at"):
        assert (await person.get(resource.PATH, params={"sort": sort})).status_code == 200
    for sort in ("password_hash", "nothing", "created_at,created_at", "--created_at", "id;drop"):
        answer = await person.get(resource.PATH, params={"sort": sort})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/sort")


@resources
async def test_input_is_strict(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))

    unknown = await person.post(resource.PATH, {**resource.body(), "surprise": 1})
    empty = await person.post(resource.PATH, {})
    parameter = await person.get(resource.PATH, params={"surprise": 1})

    assert [unknown.status_code, empty.status_code, parameter.status_code] == [422, 422, 422]
    assert unknown.json()["errors"][0]["pointer"] == "/body/surprise"
    assert parameter.json()["errors"][0]["pointer"] == "/query/surprise"


@resources
async def test_an_unknown_id_is_not_found(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    nowhere = f"{resource.PATH}/01890000-0000-7000-8000-000000000000"

    answers = {
        "read": await person.get(nowhere),
        "change": await person.patch(nowhere, resource.CHANGE),
        "delete": await person.delete(nowhere),
        "restore": await person.post(f"{nowhere}/restore"),
        "history": await person.get(f"{nowhere}/history"),
    }

    assert refusals(answers) == dict.fromkeys(answers, (404, "not-found"))


@resources
async def test_a_change_leaves_exactly_one_entry_with_its_actor(signed_in_as: SignedInAs, resource: Any) -> None:
    """Regression: change entries of some paths had no actor."""
    person = await signed_in_as(*everything(resource.SLUG))
    auditor = await signed_in_as("audit:read")
    item = await create_item(person, resource)

    changed = await person.patch(f"{resource.PATH}/{item['id']}", resource.CHANGE, headers={"X-Request-ID": "one"})

    assert changed.status_code == 200, changed.text
    assert (changed.json()["version"], changed.headers["etag"]) == (2, '"2"')
    rows = (await auditor.get("/audit/changes", params={"request_id": "one"})).json()["items"]
    assert [(r["action"], r["entity"], r["entity_id"]) for r in rows] == [("update", resource.ENTITY, item["id"])]
    assert (rows[0]["actor_id"], rows[0]["actor_name"]) == (str(person.id), person.username)
    ((field, value),) = resource.CHANGE.items()
    assert rows[0]["changes"][field] == {"old": item[field], "new": value}


@resources
async def test_a_change_without_difference_leaves_no_entry(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    auditor = await signed_in_as("audit:read")
    item = await create_item(person, resource)
    ((field, _),) = resource.CHANGE.items()

    same = await person.patch(f"{resource.PATH}/{item['id']}", {field: item[field]}, headers={"X-Request-ID": "same"})

    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert (await auditor.get("/audit/changes", params={"request_id": "same"})).json()["items"] == []


@resources
async def test_a_stale_version_changes_nothing(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"

    fresh = await person.patch(path, resource.CHANGE, headers={"If-Match": '"1"'})
    stale = await person.patch(path, resource.CHANGE, headers={"If-Match": '"1"'})
    stale_delete = await person.delete(path, headers={"If-Match": '"1"'})

    assert [fresh.status_code, stale.status_code, stale_delete.status_code] == [200, 412, 412]
    assert stale.json()["code"] == "stale-version"
    assert (await person.get(path)).json()["version"] == 2


@resources
async def test_a_deleted_item_is_hidden_and_can_be_restored(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    reader = await signed_in_as(f"{resource.SLUG}:read")
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"

    deleted = await person.delete(path)
    assert (deleted.status_code, deleted.content, "content-type" in deleted.headers) == (204, b"", False)

    assert (await person.get(path)).status_code == 404
    assert (await person.delete(path)).status_code == 404
    hidden = (await person.get(resource.PATH, params={"deleted": "only"})).json()["items"]
    assert item["id"] in {found["id"] for found in hidden}
    assert item["id"] not in {found["id"] for found in (await person.get(resource.PATH)).json()["items"]}
    assert (await reader.get(resource.PATH, params={"deleted": "only"})).status_code == 403
    restored = await person.post(f"{path}/restore")
    assert restored.status_code == 200
    assert (await person.get(path)).json() == restored.json()
    again = await person.post(f"{path}/restore")
    assert (again.status_code, again.json()["code"]) == (409, "not-deleted")


@resources
async def test_who_may_restore_an_item_sees_it_before(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    reader, keeper = await signed_in_as(f"{resource.SLUG}:read"), await signed_in_as(f"{resource.SLUG}:delete")
    path = f"{resource.PATH}/{(await create_item(person, resource))['id']}"
    only = {"deleted": "only"}
    assert (await keeper.get(path, params=only)).status_code == 404
    assert (await keeper.delete(path)).status_code == 204

    hidden = (await keeper.get(path, params=only)).json()
    listed = next(item for item in (await keeper.get(resource.PATH, params=only)).json()["items"] if item == hidden)

    assert listed["created_at"] < listed["deleted_at"] <= listed["updated_at"]
    assert (listed["updated_by"]["name"], listed["created_by"]["name"]) == (keeper.username, person.username)
    assert [row["action"] for row in (await keeper.get(f"{path}/history")).json()["items"]] == ["delete", "create"]
    assert (await reader.get(path, params=only)).status_code == 403
    assert [(await who.get(path)).status_code for who in (keeper, reader)] == [404, 404]
    assert (await reader.get(f"{path}/history")).status_code == 404


@resources
async def test_an_item_says_who_created_and_who_last_changed_it(signed_in_as: SignedInAs, resource: Any) -> None:
    person, editor = [await signed_in_as(*everything(resource.SLUG)) for _ in range(2)]
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"
    author = {"id": str(person.id), "name": person.username}
    assert (item["created_by"], item["updated_by"], item["deleted_at"]) == (author, author, None)

    changed = (await editor.patch(path, resource.CHANGE)).json()

    assert (changed["created_by"], changed["updated_by"]) == (author, {"id": str(editor.id), "name": editor.username})
    assert (await person.get(path)).json() == changed
    assert changed in (await person.get(resource.PATH)).json()["items"]
    entries = (await person.get(f"{path}/history")).json()["items"]
    assert not {"created_by_id", "updated_by_id"} & {name for entry in entries for name in entry["changes"]}


@resources
async def test_the_history_tells_the_whole_life(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    auditor = await signed_in_as("audit:read")
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"
    await person.patch(path, resource.CHANGE)
    await person.delete(path)
    await person.post(f"{path}/restore")

    rows = (await auditor.get(f"{path}/history")).json()["items"]

    assert [row["action"] for row in rows] == ["restore", "delete", "update", "create"]
    assert [row["changes"]["version"]["new"] for row in rows] == [4, 3, 2, 1]
    assert rows[0]["changes"]["deleted_at"]["new"] is None
    assert rows[1]["changes"]["deleted_at"]["old"] is None
    assert len((await auditor.get(f"{path}/history", params={"limit": 3})).json()["items"]) == 3
    for action in ("create", "update", "delete", "restore"):
        found = (await auditor.get("/audit/changes", params={"entity_id": item["id"], "action": action})).json()
        assert [row["action"] for row in found["items"]] == [action]


@resources
async def test_the_history_tells_readers_of_the_module_less(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    reader, auditor = await signed_in_as(f"{resource.SLUG}:read"), await signed_in_as("audit:read")
    path = f"{resource.PATH}/{(await create_item(person, resource))['id']}/history"

    seen, audited = [(await who.get(path)).json()["items"][0] for who in (reader, auditor)]
    await person.delete(path.removesuffix("/history"))

    assert (seen["changes"], seen["ip"]) == (audited["changes"], None)
    assert audited["ip"] == "192.0.2.7"
    assert [(await who.get(path)).status_code for who in (reader, auditor)] == [404, 200]


@resources
async def test_a_past_state_is_shown_and_compared(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"
    ((field, value),) = resource.CHANGE.items()
    await person.patch(path, resource.CHANGE)
    created = (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"][0]

    state = await person.get(f"{path}/as-of", params={"at": created["at"]})
    difference = await person.get(f"{path}/diff", params={"from": created["at"]})

    assert (state.status_code, difference.status_code) == (200, 200), state.text + difference.text
    assert {name: state.json()[name] for name in ("id", "version", field)} == {
        "id": item["id"],
        "version": 1,
        field: item[field],
    }
    changes = difference.json()["changes"]
    assert set(changes) == {field, "version", "updated_at"}
    assert changes[field] == {"old": item[field], "new": value}


@resources
async def test_past_states_of_a_hidden_item_are_for_auditors(signed_in_as: SignedInAs, resource: Any) -> None:
    person, auditor = await signed_in_as(*everything(resource.SLUG)), await signed_in_as("audit:read")
    others = await signed_in_as(f"{resource.SLUG}:update")
    path = f"{resource.PATH}/{(await create_item(person, resource))['id']}"
    await person.delete(path)
    at = (await auditor.get(f"{path}/history")).json()["items"][0]["at"]

    answers = {
        who: [(await reader.get(f"{path}/{view}")).status_code for view in (f"as-of?at={at}", f"diff?from={at}")]
        for who, reader in (("reader", others), ("who may restore it", person), ("auditor", auditor))
    }

    assert answers == {"reader": [404, 404], "who may restore it": [200, 200], "auditor": [200, 200]}
    assert (await auditor.get(f"{path}/as-of", params={"at": at})).json()["deleted_at"] is not None


@resources
async def test_an_item_is_reverted_for_a_reason(signed_in_as: SignedInAs, resource: Any) -> None:
    person = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(person, resource)
    path = f"{resource.PATH}/{item['id']}"
    await person.patch(path, resource.CHANGE)
    source = (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"][0]

    silent = await person.post(f"{path}/revert", {"at": source["at"]})
    reverted = await person.post(f"{path}/revert", {"at": source["at"]}, headers={"Audit-Reason": "a mistake"})

    assert silent.status_code == 422
    assert reverted.status_code == 200, reverted.text
    assert reverted.json() == {**item, "version": 3, "updated_at": reverted.json()["updated_at"]}
    entry = (await person.get(f"{path}/history")).json()["items"][0]
    assert (entry["reverted_to"], entry["reason"]) == (source["id"], "a mistake")


@resources
@pytest.mark.parametrize("held", ACTIONS)
async def test_flags_open_exactly_their_action(signed_in_as: SignedInAs, resource: Any, held: str) -> None:
    owner = await signed_in_as(*everything(resource.SLUG))
    item = await create_item(owner, resource)
    path = f"{resource.PATH}/{item['id']}"
    calls: dict[str, Any] = {
        "read": lambda person: person.get(path),
        "update": lambda person: person.patch(path, {}),
        "create": lambda person: person.post(resource.PATH, {}),
        "delete": lambda person: person.delete(f"{resource.PATH}/01890000-0000-7000-8000-000000000000"),
    }

    person = await signed_in_as(f"{resource.SLUG}:{held}")
    for action, call in calls.items():
        allowed = action in {held, "read"}
        answer = await call(person)
        assert (answer.status_code != 403) is allowed, (held, action, answer.text)
        if not allowed:
            assert f"{resource.SLUG}:{action}" in answer.json()["detail"]
