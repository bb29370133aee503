"""The history of an item: an entry that says nothing but that there is a new version says what caused it."""

from typing import Any

from tests.contract.resources import everything
from tests.modules.users.factory import body as user_body
from tests.people import Person, SignedInAs

BARE = {"version", "updated_at"}


async def history(person: Person, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = await person.get(f"{path}/history", params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_changes_of_grants_stand_in_the_history_of_their_role(signed_in_as: SignedInAs) -> None:
    root, reader = await signed_in_as(superuser=True), await signed_in_as("roles:read")
    roles = [(await root.post("/roles", {"name": name})).json()["id"] for name in ("one", "other")]
    path = f"/roles/{roles[0]}"
    modules = {item["slug"]: item["id"] for item in (await root.get("/modules")).json()["items"]}

    async def grant(**flags: bool) -> None:
        matrix = [
            {"module_slug": slug, "can_create": False, "can_update": can, "can_delete": False}
            for slug, can in flags.items()
        ]
        both = [{"role_id": role, "modules": matrix if role == roles[0] else []} for role in roles]
        assert (await root.patch("/roles/matrix", {"roles": both})).status_code == 200

    await grant(tasks=False, brands=True)
    await grant(tasks=True, brands=True)
    await grant(brands=True)
    gone, changed, added, created = await history(reader, path)

    def link(slug: str, **flags: Any) -> dict[str, Any]:
        return {"role_id": roles[0], "module_id": modules[slug], **flags}

    assert created["action"] == "create"
    assert [set(entry["changes"]) for entry in (added, changed, gone)] == [BARE | {"role_module"}] * 3
    assert added["changes"]["role_module"]["old"] == []
    new = [
        {name: value for name, value in row.items() if name != "id"} for row in added["changes"]["role_module"]["new"]
    ]
    flags = {
        "can_audit": False,
        "can_create": False,
        "can_delete": False,
        "is_active": True,
        "actions": [],
        "scope": "all",
    }
    links = [link("tasks", can_update=False, **flags), link("brands", can_update=True, **flags)]
    assert [{name: row[name] for name in row if name != "id"} for row in new] == links
    ((before,), (after,)) = (changed["changes"]["role_module"][side] for side in ("old", "new"))
    assert before == {"id": before["id"], **link("tasks", can_update=False)}
    assert after == {"id": before["id"], **link("tasks", can_update=True)}
    assert gone["changes"]["role_module"]["new"] == []
    assert gone["changes"]["role_module"]["old"][0]["module_id"] == modules["tasks"]
    assert len(await history(reader, path, limit=2)) == 2
    assert len(await history(root, f"/roles/{roles[1]}")) == 1, "nothing of the other role changed"


async def test_changes_of_roles_stand_in_the_history_of_their_user(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    role = (await root.post("/roles", {"name": "one"})).json()["id"]
    user = (await root.post("/users", user_body())).json()["id"]
    terms = {"role_ids": [role], "reason": "Stocktaking"}

    assert (await root.put(f"/users/{user}/roles", terms)).status_code == 200
    assigned, _ = await history(root, f"/users/{user}")

    (link,) = assigned["changes"]["user_role"]["new"]
    assert (link["role_id"], link["user_id"], link["reason"]) == (role, user, "Stocktaking")
    stored = (await root.get(f"/audit/changes/{assigned['id']}")).json()
    assert set(stored["changes"]) == BARE, "the entry itself is what it is"


async def test_other_entries_are_as_they_were(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*everything("products"))
    made = (await person.post("/products", {"sku": "A", "name": "Lamp", "price": "1", "currency": "EUR"})).json()
    await person.post(f"/products/{made['id']}/stock-movements", {"delta": 2, "reason": "Delivered"})

    moved, _ = await history(person, f"/products/{made['id']}")

    assert set(moved["changes"]) == BARE | {"stock"}
