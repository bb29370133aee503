"""What an access entry says of its request besides who called: module, item, subject, sizes, trace, reason."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core.context import RequestContext
from app.core.db.session import AnyRow
from tests.modules.audit.entries import access_entries, change_entries
from tests.people import PASSWORD, SignedInAs

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def last_entry(app: FastAPI) -> AnyRow:
    return (await access_entries(app))[-1]


async def test_an_entry_names_module_and_item(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:read", "tasks:delete")

    made = (await person.post("/tasks", {"title": "x"})).json()["id"]
    created = await last_entry(app)
    await person.get(f"/tasks/{made}")
    read = await last_entry(app)
    await person.get("/tasks")
    listed = await last_entry(app)
    await person.delete(f"/tasks/{made}")
    deleted = await last_entry(app)

    assert {(row.module, row.item_id) for row in (created, read, deleted)} == {("tasks", UUID(made))}
    assert (listed.module, listed.item_id) == ("tasks", None)


async def test_an_entry_has_the_size_of_the_body_and_the_trace(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    body = b'{"title": "four"}'
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "Content-Type": "application/json"}

    assert (await person.call("POST", "/tasks", content=body, headers=headers)).status_code == 201

    entry = await last_entry(app)
    assert (entry.bytes_in, entry.trace_id) == (len(body), TRACE)


async def test_a_sign_in_names_its_subject_whether_or_not_it_succeeds(
    app: FastAPI, client: Any, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as()
    for password in (PASSWORD, "wrong-" + PASSWORD):
        await client.post("/auth/token", data={"username": person.username, "password": password})
        assert (await last_entry(app)).subject_id == person.id
    await client.post("/auth/token", data={"username": "unknown", "password": PASSWORD})
    assert (await last_entry(app)).subject_id is None


async def test_an_act_on_an_account_names_its_subject(app: FastAPI, signed_in_as: SignedInAs) -> None:
    root, other = await signed_in_as(superuser=True), await signed_in_as()

    assert (await root.patch(f"/users/{other.id}", {"first_name": "Ann"})).status_code == 200

    entry = await last_entry(app)
    assert (entry.module, entry.subject_id, entry.actor_id) == ("users", other.id, root.id)


async def test_replays_and_dry_runs_are_told_apart(app: FastAPI, signed_in_as: SignedInAs) -> None:
    root, other = await signed_in_as(superuser=True), await signed_in_as()
    entries = []
    for _ in range(2):
        assert (await root.post("/tasks", {"title": "x"}, headers={"Idempotency-Key": "once"})).status_code == 201
        entries.append(await last_entry(app))
    assert (await root.patch(f"/users/{other.id}?dry_run=true", {"is_active": False})).status_code == 200
    entries.append(await last_entry(app))

    assert [(row.is_replay, row.is_dry_run) for row in entries] == [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"Audit of March", "Audit of March"),
        ("Löschung – 要求".encode(), "Löschung – 要求"),
        ("Löschung".encode("latin-1"), "Löschung"),
        (b"asked by ann@example.com", "asked by [masked]"),
        (b"  ", None),
    ],
)
async def test_the_reason_of_a_caller_is_in_both_logs(
    app: FastAPI, signed_in_as: SignedInAs, sent: bytes, kept: str | None
) -> None:
    person, auditor = await signed_in_as("tasks:create"), await signed_in_as("audit:read")

    assert (await person.post("/tasks", {"title": "x"}, headers={"Audit-Reason": sent})).status_code == 201

    assert (await last_entry(app)).reason == kept
    (change,) = await change_entries(app.state.database, RequestContext(), "task")
    assert change.reason == kept
    if kept:
        for log in ("access", "changes"):
            found = (await auditor.get(f"/audit/{log}", params={"reason": kept})).json()["items"]
            assert [row["reason"] for row in found] == [kept]


async def test_a_reason_that_is_too_long_is_refused_and_has_an_entry(app: FastAPI, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    fits = await person.post("/tasks", {"title": "x"}, headers={"Audit-Reason": ("é" * 500).encode()})
    refused = await person.post("/tasks", {"title": "x"}, headers={"Audit-Reason": ("é" * 501).encode()})

    assert (fits.status_code, refused.status_code, refused.json()["code"]) == (201, 400, "malformed-request")
    entry = await last_entry(app)
    assert (entry.status, entry.reason) == (400, "é" * 500)


async def test_entries_are_found_by_module_item_subject_route_and_error(app: FastAPI, signed_in_as: SignedInAs) -> None:
    root, other = await signed_in_as(superuser=True), await signed_in_as()
    made = (await root.post("/tasks", {"title": "x"})).json()["id"]
    await root.patch(f"/users/{other.id}", {"first_name": "Ann"})
    await other.get(f"/tasks/{made}")

    for query, status in (
        (f"item_id={made}&status=201", 201),
        (f"subject_id={other.id}&module=users", 200),
        (f"item_id={made}&error_code=permission-denied", 403),
        ("route=/api/v1/tasks/{id}&module=tasks", 403),
    ):
        found = (await root.get(f"/audit/access?{query}")).json()["items"]
        assert [row["status"] for row in found] == [status], query
