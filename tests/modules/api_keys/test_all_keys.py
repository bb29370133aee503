"""The API keys of all users, for administrators: which were never used, which end soon, and whose they are."""

from datetime import timedelta
from typing import Any

from app.core.clock import now
from tests.answers import statuses
from tests.people import Person, SignedInAs


async def make_key(owner: Person, name: str, days: int | None = None) -> dict[str, Any]:
    ends = None if days is None else (now() + timedelta(days=days)).isoformat()
    answer = await owner.post("/auth/api-keys", {"name": name, "scopes": ["tasks:read"], "expires_at": ends})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def names(asker: Person, **params: Any) -> list[str]:
    answer = await asker.get("/api-keys", params={"sort": "name", **params})
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_the_keys_of_all_users_are_found_by_use_end_and_owner(signed_in_as: SignedInAs) -> None:
    admin, first, second = (
        await signed_in_as("users:read"),
        await signed_in_as("tasks:read"),
        await signed_in_as("tasks:read"),
    )
    used, soon = await make_key(first, "a used"), await make_key(second, "b soon", 3)
    later, revoked = await make_key(first, "c later", 300), await make_key(second, "d revoked")
    await second.delete(f"/auth/api-keys/{revoked['id']}")
    called = await first.client.get("/tasks", headers={"Authorization": f"Bearer {used['key']}"})
    assert called.status_code == 200
    week, minute = (now() + timedelta(days=7)).isoformat(), (now() - timedelta(minutes=5)).isoformat()

    assert await names(admin) == ["a used", "b soon", "c later", "d revoked"]
    assert await names(admin, last_used_at_null="true", revoked_at_null="true") == ["b soon", "c later"]
    assert await names(admin, last_used_at_null="false") == ["a used"]
    assert await names(admin, last_used_at_gte=minute) == ["a used"]
    assert await names(admin, last_used_at_lt=minute) == []
    sparse = (await admin.get("/api-keys", params={"fields": "name"})).json()["items"][0]
    assert sparse.keys() == {"id", "name"}
    assert await names(admin, expires_at_lt=week) == ["b soon"]
    assert await names(admin, user_id=str(first.id)) == ["a used", "c later"]
    assert await names(admin, prefix=later["prefix"], sort="-expires_at") == ["c later"]
    items = (await admin.get("/api-keys", params={"name": "b soon"})).json()["items"]
    assert (items[0]["id"], items[0]["user"]) == (soon["id"], {"id": str(second.id), "name": second.username})


async def test_the_list_of_all_keys_shows_no_secret_and_needs_to_read_users(signed_in_as: SignedInAs) -> None:
    admin, owner = await signed_in_as("users:read"), await signed_in_as("tasks:read", "roles:read", "tasks:audit")
    made = await make_key(owner, "secret")

    page, file = await admin.get("/api-keys"), await admin.get("/api-keys", params={"format": "csv"})
    refused = {path: await owner.get(path) for path in ("/api-keys", "/sessions")}

    assert made["key"].rpartition("_")[2] not in page.text + file.text
    assert "hash" not in page.text + file.text
    assert made["prefix"] in file.text
    assert statuses(refused) == {"/api-keys": 403, "/sessions": 403}


async def test_an_auditor_reads_the_keys_and_sessions_of_all_users_and_ends_none(signed_in_as: SignedInAs) -> None:
    """Regression: both lists asked for `users:read`, which auditors need for nothing else."""
    auditor, owner = await signed_in_as("audit:read"), await signed_in_as("tasks:read")
    made = await make_key(owner, "nightly")

    assert await names(auditor, user_id=str(owner.id)) == ["nightly"]
    (session,) = (await auditor.get("/sessions", params={"user_id": str(owner.id)})).json()["items"]
    refused = {
        path: await auditor.delete(f"/users/{owner.id}/{path}/{row['id']}")
        for path, row in {"api-keys": made, "sessions": session}.items()
    }

    assert session["user"] == {"id": str(owner.id), "name": owner.username}
    assert statuses(refused) == {"api-keys": 403, "sessions": 403}


async def test_a_key_is_revoked_from_the_list(signed_in_as: SignedInAs) -> None:
    root, owner = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    await make_key(owner, "to revoke")
    (item,) = (await root.get("/api-keys", params={"revoked_at_null": "true"})).json()["items"]

    answer = await root.delete(f"/users/{item['user_id']}/api-keys/{item['id']}")

    assert answer.status_code == 204
    assert await names(root, revoked_at_null="true") == []
