"""The permissions of roles, of one and of all."""

from typing import Any
from uuid import uuid4

from tests.answers import statuses
from tests.modules.roles.policies import ALL, role
from tests.people import SignedInAs

WHOLE = {"actions": [], "scope": "all"}
"""What a grant has that names neither."""


async def test_the_matrix_of_all_roles_is_read_and_edited_at_once(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    first, second = await role(root, "First", {"module_slug": "tasks"}), await role(root, "Second")
    body: list[dict[str, Any]] = [
        {"role_id": first, "modules": []},
        {"role_id": second, "version": 1, "modules": [{"module_slug": "users", **ALL}]},
    ]

    edited = await root.patch("/roles/matrix", {"roles": body})

    assert edited.status_code == 200, edited.text
    rows = {row["role_id"]: row for row in (await root.get("/roles/matrix")).json()["items"]}
    assert (rows[first]["modules"], rows[second]["modules"]) == ([], [{"module_slug": "users", **ALL, **WHOLE}])
    stale = await root.patch("/roles/matrix", {"roles": [{**body[0], "modules": [{"module_slug": "tasks"}]}, body[1]]})
    unknown = await root.patch("/roles/matrix", {"roles": [{"role_id": first, "modules": [{"module_slug": "x"}]}]})
    assert (stale.status_code, unknown.status_code) == (412, 422)
    assert unknown.json()["errors"][0]["pointer"] == "/body/roles/0/modules/0/module_slug"
    assert (await root.get(f"/roles/{first}/modules")).json() == {"modules": []}, "all or nothing"


async def test_a_bad_matrix_changes_nothing(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    role = (await root.post("/roles", {"name": "Careful"})).json()["id"]
    good = {"module_slug": "tasks", "can_create": True, "can_update": False, "can_delete": False, "can_audit": False}
    await root.put(f"/roles/{role}/modules", {"modules": [good]})

    path = f"/roles/{role}/modules"
    answers = {
        "unknown module": await root.put(path, {"modules": [{"module_slug": "nothing"}]}),
        "module twice": await root.put(path, {"modules": [good, good]}),
        "stale version": await root.put(path, {"modules": []}, headers={"If-Match": '"9"'}),
        "unknown role": await root.put(f"/roles/{uuid4()}/modules", {"modules": []}),
        "assign an unknown role": await root.put(f"/users/{root.id}/roles", {"role_ids": [str(uuid4())]}),
        "unknown user": await root.put(f"/users/{uuid4()}/roles", {"role_ids": []}),
    }

    assert statuses(answers) == {
        "unknown module": 422,
        "module twice": 422,
        "stale version": 412,
        "unknown role": 404,
        "assign an unknown role": 422,
        "unknown user": 404,
    }
    assert (await root.get(f"/roles/{role}/modules")).json() == {"modules": [{**good, **WHOLE}]}


async def test_matrices_and_assignments_have_versions(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    role = (await root.post("/roles", {"name": "Versioned"})).json()["id"]
    one, other = {"modules": [{"module_slug": "tasks"}]}, {"modules": [{"module_slug": "users"}]}
    fresh = {"If-Match": '"1"'}

    answers = {
        "matrix": await root.put(f"/roles/{role}/modules", one, headers=fresh),
        "matrix, stale": await root.put(f"/roles/{role}/modules", other, headers=fresh),
        "roles": await root.put(f"/users/{person.id}/roles", {"role_ids": [role]}, headers=fresh),
        "roles, stale": await root.put(f"/users/{person.id}/roles", {"role_ids": []}, headers=fresh),
    }

    assert statuses(answers) == {"matrix": 200, "matrix, stale": 412, "roles": 200, "roles, stale": 412}
    assert (await root.get(f"/roles/{role}")).json()["version"] == 2
