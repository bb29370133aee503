"""A call: one request, or one piece of work of a job, with everything that it changed."""

from uuid import uuid4

from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.engine import Database
from tests.modules.audit.entries import access_entries, add_task
from tests.people import SignedInAs


async def test_a_call_shows_the_request_and_what_it_changed(signed_in_as: SignedInAs) -> None:
    auditor, worker = await signed_in_as("audit:read"), await signed_in_as("tasks:create", "tasks:update")
    task = (await worker.post("/tasks", {"title": "old"})).json()
    headers = {"Audit-Reason": "ticket 12", "X-Request-ID": "mine"}
    changed = await worker.patch(f"/tasks/{task['id']}", {"title": "new"}, headers=headers)

    answer = await auditor.get(f"/audit/calls/{changed.headers['attest-call-id']}")

    call = answer.json()
    assert answer.status_code == 200, answer.text
    assert (call["call_id"], call["request_id"]) == (changed.headers["attest-call-id"], "mine")
    assert (call["actor_id"], call["actor_name"], call["reason"]) == (str(worker.id), worker.username, "ticket 12")
    assert (call["request"]["status"], call["request"]["item_id"]) == (200, task["id"])
    [entry] = call["changes"]["items"]
    assert entry["changes"]["title"] == {"old": "old", "new": "new"}
    assert entry == (await auditor.get(f"/audit/changes/{entry['id']}")).json()


async def test_a_call_that_changed_nothing_is_its_request(signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    refused = await auditor.get("/users")

    call = (await auditor.get(f"/audit/calls/{refused.headers['attest-call-id']}")).json()

    assert (call["request"]["status"], call["request"]["error_code"]) == (403, "permission-denied")
    assert call["changes"] == {"items": [], "next_cursor": None, "total": None, "total_is_exact": None}


async def test_the_work_of_a_job_has_no_request(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    auditor = await signed_in_as("audit:read")
    for title in ("a", "b", "c"):
        await add_task(database, job, title=title)

    answer = await auditor.get(f"/audit/calls/{job.call_id}", params={"limit": 2})

    call = answer.json()
    assert (call["request"], call["actor_kind"], call["actor_name"]) == (None, "system", "test")
    rest = (await auditor.get(answer.links["next"]["url"].removeprefix("/api/v1"))).json()
    entries = [*call["changes"]["items"], *rest["changes"]["items"]]
    assert [entry["changes"]["title"]["new"] for entry in entries] == ["a", "b", "c"]
    assert rest["changes"]["next_cursor"] is None


async def test_an_unknown_call_is_not_found(app: FastAPI, signed_in_as: SignedInAs) -> None:
    auditor, other = await signed_in_as("audit:read"), await signed_in_as("tasks:read")
    known = (await other.get("/tasks")).headers["attest-call-id"]

    assert (await auditor.get(f"/audit/calls/{uuid4()}")).status_code == 404
    assert (await other.get(f"/audit/calls/{known}")).status_code == 403
    assert (await auditor.get(f"/audit/calls/{known}")).status_code == 200

    row = (await access_entries(app))[-1]
    assert (row.route, row.actor_id, row.decision) == ("/api/v1/audit/calls/{call_id}", auditor.id, "audit:read")
