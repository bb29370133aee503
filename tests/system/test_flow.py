"""The main flow of the product: sign in, change something, find it in the audit log."""

import httpx

from tests.people import PASSWORD, SignedInAs


async def test_a_change_is_found_in_the_audit_log(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    worker = await signed_in_as("tasks:create")
    auditor = await signed_in_as("audit:read")

    created = await worker.post("/tasks", {"title": "Count the stock"}, headers={"X-Request-ID": "r-1"})

    assert created.status_code == 201, created.text
    changes = (await auditor.get("/audit/changes", params={"request_id": "r-1"})).json()["items"]
    assert [(c["action"], c["entity"], c["actor_name"]) for c in changes] == [("create", "task", worker.username)]
    accesses = (await auditor.get("/audit/access", params={"request_id": "r-1"})).json()["items"]
    assert [(a["status"], a["actor_name"], a["ip"]) for a in accesses] == [(201, worker.username, "192.0.2.7")]


async def test_signing_in_with_a_password(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    known = await signed_in_as()

    answer = await client.post("/auth/token", data={"username": known.username, "password": PASSWORD})

    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    me = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["username"] == known.username
