"""API keys: some permissions of their owner, and entries of their own in the audit log."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.entity import table_of
from app.modules.api_keys import ApiKey
from tests.answers import statuses
from tests.people import Person, SignedInAs


async def make_key(person: Person, *scopes: str, path: str = "/auth/api-keys", **options: Any) -> tuple[Person, Any]:
    """Make a key: a caller that uses it, and the answer."""
    answer = await person.post(path, {"name": "nightly export", "scopes": list(scopes), **options})
    assert answer.status_code == 201, answer.text
    return Person(person.id, person.username, person.client, answer.json()["key"], ""), answer.json()


async def test_a_key_does_what_its_scopes_say_and_no_more(signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as("tasks:create", "tasks:update")

    key, shown = await make_key(owner, "tasks:read", "tasks:create")

    assert shown["key"].startswith(f"ak_{shown['prefix']}_")
    assert (await key.get("/tasks")).status_code == 200
    task = await key.post("/tasks", {"title": "by machine"})
    assert task.status_code == 201
    assert (await key.patch(f"/tasks/{task.json()['id']}", {"title": "x"})).status_code == 403
    assert (await key.get("/auth/me")).json()["id"] == str(owner.id)


async def test_scopes_are_at_most_what_the_owner_holds(signed_in_as: SignedInAs) -> None:
    owner, root = await signed_in_as("tasks:read"), await signed_in_as(superuser=True)

    beyond = await owner.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read", "tasks:delete"]})
    assert (beyond.status_code, beyond.json()["code"]) == (403, "cannot-grant")

    key, _ = await make_key(owner, "tasks:read")
    await root.put(f"/users/{owner.id}/roles", {"role_ids": []})
    assert (await key.get("/tasks")).status_code == 403
    of_root, _ = await make_key(root, "tasks:read")
    assert [(await of_root.get(path)).status_code for path in ("/tasks", "/users")] == [200, 403]


async def test_a_key_is_shown_once_and_stored_hashed(
    app: FastAPI, signed_in_as: SignedInAs, job: RequestContext
) -> None:
    owner = await signed_in_as("tasks:read", "audit:read")

    _, shown = await make_key(owner, "tasks:read")

    secret = shown["key"].split("_", 2)[2]
    table = table_of(ApiKey)
    (row,) = await app.state.database.read_session(job).all(select(table))
    texts = [str(row), *[(await owner.get(path)).text for path in ("/auth/api-keys", "/audit/changes")]]
    assert all(secret not in text and row.secret_hash not in text for text in texts[1:])
    assert secret not in texts[0]


async def test_a_revoked_expired_or_misspelt_key_is_rejected(
    signed_in_as: SignedInAs, pass_time: Callable[[timedelta], None]
) -> None:
    owner = await signed_in_as("tasks:read")
    soon = (now() + timedelta(minutes=5)).isoformat()
    (revoked, shown), (expiring, _) = (
        await make_key(owner, "tasks:read"),
        await make_key(owner, "tasks:read", expires_at=soon),
    )
    assert (await revoked.get("/tasks")).status_code == 200

    assert (await owner.delete(f"/auth/api-keys/{shown['id']}")).status_code == 204

    other = f"ak_{shown['prefix']}_{'A' * 43}"
    for token in (revoked.access_token, other, "ak_", "ak_x_y", shown["key"] + "x"):
        assert (await Person(owner.id, "", owner.client, token, "").get("/tasks")).status_code == 401, token
    assert (await expiring.get("/tasks")).status_code == 200
    pass_time(timedelta(minutes=6))
    assert (await expiring.get("/tasks")).status_code == 401
    soon = (now() - timedelta(seconds=1)).isoformat()
    assert (
        await owner.post("/auth/api-keys", {"name": "x", "scopes": ["tasks:read"], "expires_at": soon})
    ).status_code == 422


async def test_a_key_works_from_its_addresses_only(app: FastAPI, signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as("tasks:read")

    near, _ = await make_key(owner, "tasks:read", allowed_addresses=["192.0.2.0/24", "2001:db8::/32"])
    far, _ = await make_key(owner, "tasks:read", allowed_addresses=["198.51.100.1"])

    assert [(await key.get("/tasks")).status_code for key in (near, far)] == [200, 401]
    for bad in ("everywhere", "192.0.2.7/24", 7):
        body = {"name": "x", "scopes": ["tasks:read"], "allowed_addresses": [bad]}
        assert (await owner.post("/auth/api-keys", body)).status_code == 422


async def test_entries_of_a_key_name_the_key_and_its_owner(signed_in_as: SignedInAs) -> None:
    owner, auditor = await signed_in_as("tasks:create"), await signed_in_as("audit:read")
    key, shown = await make_key(owner, "tasks:create")

    await key.post("/tasks", {"title": "x"}, headers={"X-Request-ID": "machine"})

    for path in ("/audit/changes", "/audit/access"):
        (row,) = (await auditor.get(path, params={"request_id": "machine", "owner_id": str(owner.id)})).json()["items"]
        assert (row["actor_kind"], row["actor_id"], row["actor_name"]) == ("api-key", shown["id"], "nightly export")
    (listed,) = (await owner.get("/auth/api-keys")).json()["items"]
    assert (listed["last_used_ip"], listed["last_used_at"] is not None) == ("192.0.2.7", True)


async def test_a_key_cannot_manage_the_account_of_its_owner(signed_in_as: SignedInAs) -> None:
    owner = await signed_in_as("users:update", "tasks:read")
    key, shown = await make_key(owner, "users:update", "users:read", "tasks:read")

    answers = {
        "change the name": await key.patch("/auth/me", {"first_name": "x"}),
        "change the password": await key.post("/auth/me/password", {"current_password": "x", "new_password": "y"}),
        "make a key": await key.post("/auth/api-keys", {"name": "child", "scopes": ["tasks:read"]}),
        "sign out everywhere": await key.post("/auth/logout-all"),
        "end other sessions": await key.delete("/auth/me/sessions"),
        "revoke itself": await key.delete(f"/auth/api-keys/{shown['id']}"),
    }

    assert statuses(answers) == dict.fromkeys(answers, 403)


async def test_keys_of_an_inactive_owner_do_not_work(signed_in_as: SignedInAs) -> None:
    root, owner = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    key, _ = await make_key(owner, "tasks:read")
    assert (await key.get("/tasks")).status_code == 200

    answer = await root.patch(f"/users/{owner.id}", {"is_active": False})
    assert answer.status_code == 200, answer.text
    assert (await key.get("/tasks")).status_code == 401
    await root.patch(f"/users/{owner.id}", {"is_active": True})
    assert (await key.get("/tasks")).status_code == 200


async def test_a_service_account_is_administered(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as("users:create", "users:update", "roles:read")
    name = f"robot-{uuid4().hex[:6]}"
    robot = (await admin.post("/users", {"username": name, "email": f"{name}@example.com", "is_service": True})).json()
    path = f"/users/{robot['id']}/api-keys"
    role = (await (await signed_in_as(superuser=True)).get("/roles")).json()["items"]
    own = next(r["id"] for r in role if r["name"] == admin.username)
    assert (await admin.put(f"/users/{robot['id']}/roles", {"role_ids": [own]})).status_code == 200

    key, shown = await make_key(admin, "users:read", path=path)

    assert (await key.get("/users")).status_code == 200
    assert shown["user_id"] == robot["id"]
    assert len((await admin.get(path)).json()["items"]) == 1
    assert (await admin.delete(f"{path}/{shown['id']}")).status_code == 204
    assert (await key.get("/users")).status_code == 401
    stranger = await signed_in_as("users:update")
    assert (await stranger.delete(f"/auth/api-keys/{shown['id']}")).status_code == 404


async def test_a_key_does_not_work_until_its_owner_changes_the_password(signed_in_as: SignedInAs) -> None:
    admin, owner = await signed_in_as("users:update", "tasks:read"), await signed_in_as("tasks:read")
    shown = (await owner.post("/auth/api-keys", {"name": "k", "scopes": ["tasks:read"]})).json()
    headers = {"Authorization": f"Bearer {shown['key']}"}
    assert (await owner.client.get("/tasks", headers=headers)).status_code == 200

    await admin.post(f"/users/{owner.id}/password")

    refused = await owner.client.get("/tasks", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "password-change-required")
