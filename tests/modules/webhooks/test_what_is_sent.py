"""A webhook is sent what its owner may read, when it is sent."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.jobs.models import Job
from app.modules.users import User
from app.modules.webhooks.models import Webhook
from tests.modules.audit.sealer.sealed import read_all
from tests.modules.webhooks.hooks import ALL, arrive, deliveries, follow, webhook, work
from tests.modules.webhooks.receiver import Receiver
from tests.people import Person, SignedInAs

TASKS = ("tasks:create", "tasks:update", "tasks:delete")
CUSTOMER = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
CONTEXT = RequestContext.for_job("test")


def titles(receiver: Receiver) -> list[Any]:
    """The new titles of the events that arrived."""
    return [request.event["data"]["changes"].get("title", {}).get("new") for request in receiver.received]


async def test_fields_that_the_owner_may_not_read_are_not_sent(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin, reader = await signed_in_as(superuser=True), await signed_in_as(*ALL, "customers:read")
    await webhook(reader, receiver, "customer.*")
    await admin.post("/customers", CUSTOMER)

    await arrive(database)

    (request,) = receiver.received
    assert request.event["type"] == "customer.created"
    assert request.event["data"]["changes"].keys() >= {"status"}
    assert not request.event["data"]["changes"].keys() & CUSTOMER.keys()
    assert b"Ada" not in request.body


async def test_fields_that_the_owner_may_read_are_sent_decrypted(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    await webhook(admin, receiver, "customer.*")
    await admin.post("/customers", CUSTOMER)

    await arrive(database)

    (request,) = receiver.received
    assert request.event["data"]["changes"]["first_name"] == {"old": None, "new": "Ada"}


async def test_rows_outside_of_the_scope_of_the_owner_are_not_sent(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin, owner = await signed_in_as(superuser=True), await signed_in_as(*ALL, "tasks:create@own")
    await webhook(owner, receiver, "task.*")
    await admin.post("/tasks", {"title": "theirs"})
    await owner.post("/tasks", {"title": "own"})
    await admin.post("/tasks", {"title": "for the owner", "assignee_id": str(owner.id)})

    await arrive(database)

    assert titles(receiver) == ["own", "for the owner"]


async def test_modules_that_the_owner_may_not_read_are_not_sent(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin, owner = await signed_in_as(superuser=True), await signed_in_as(*ALL, "brands:read")
    await webhook(owner, receiver, "*")
    await admin.post("/tasks", {"title": "theirs"})
    await admin.post("/brands", {"name": "Lumen"})

    await arrive(database)

    assert receiver.types == ["brand.created"]


async def test_what_the_owner_may_read_is_found_out_when_it_is_sent(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin, owner = await signed_in_as(superuser=True), await signed_in_as(*ALL, "tasks:read@own")
    hook = await webhook(owner, receiver, "task.*")
    task = (await admin.post("/tasks", {"title": "for the owner", "assignee_id": str(owner.id)})).json()
    await follow(database)
    await admin.patch(f"/tasks/{task['id']}", {"assignee_id": str(admin.id)})

    await work(database)

    assert (receiver.received, await deliveries(owner, hook)) == ([], [])
    outcomes = [row.result for row in await read_all(database, select(Job)) if row.kind == "webhooks.deliver"]
    assert outcomes == [{"outcome": "not-readable"}]


async def test_of_what_was_deleted_only_those_see_values_who_may_see_it(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    blind, seeing = await signed_in_as(*ALL, "tasks:read"), await signed_in_as(*ALL, "tasks:delete")
    for person in (blind, seeing):
        await webhook(person, receiver, "task.deleted", name=person.username)
    task = (await admin.post("/tasks", {"title": "gone"})).json()
    await admin.delete(f"/tasks/{task['id']}")

    await arrive(database)

    assert receiver.types == ["task.deleted", "task.deleted"]
    assert [bool(request.event["data"]["changes"]) for request in receiver.received] == [False, True]


async def change_owner(database: Database, owner: Person, **values: Any) -> None:
    async with database.unit_of_work(CONTEXT) as session:
        user = await session.load(User, owner.id)
        assert user is not None
        for name, value in values.items():
            setattr(user, name, value)


@pytest.mark.parametrize("is_asked_before", [True, False])
async def test_a_webhook_whose_owner_may_not_act_is_paused(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, *, is_asked_before: bool
) -> None:
    admin, owner = await signed_in_as(superuser=True), await signed_in_as(*ALL, "tasks:read")
    hook = await webhook(owner, receiver, "task.*")
    await admin.post("/tasks", {"title": "one"})
    if is_asked_before:
        await follow(database)
    await change_owner(database, owner, is_active=False)

    await arrive(database)

    found = (await admin.get(f"/webhooks/{hook['id']}")).json()
    assert (receiver.received, found["pause_reason"]) == ([], "owner-may-not")

    await change_owner(database, owner, is_active=True)
    await admin.post(f"/webhooks/{hook['id']}/resume")
    await arrive(database)

    assert titles(receiver) == ["one"]


async def test_filters_choose_by_type_module_and_item(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    first, second = [(await admin.post("/tasks", {"title": title})).json() for title in ("one", "two")]
    await follow(database)  # a webhook begins behind what is sealed
    await webhook(admin, receiver, "task.updated", name="type")
    await webhook(admin, receiver, "*", module="brands", name="module")
    await webhook(admin, receiver, "*", item_id=second["id"], name="item")

    await admin.patch(f"/tasks/{first['id']}", {"title": "one more"})
    await admin.patch(f"/tasks/{second['id']}", {"title": "two more"})
    await admin.post("/brands", {"name": "Lumen"})
    await arrive(database)

    assert sorted(receiver.types) == ["brand.created", "task.updated", "task.updated", "task.updated"]
    assert sorted(request.event["subject"] for request in receiver.received).count(second["id"]) == 2


async def test_no_secret_is_in_answers_the_change_log_or_the_log(
    database: Database,
    receiver: Receiver,
    signed_in_as: SignedInAs,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    admin = await signed_in_as(superuser=True)
    hook = await webhook(admin, receiver, "*")
    rolled = (await admin.post(f"/webhooks/{hook['id']}/roll")).json()
    receiver.answers = [500]
    await admin.post("/tasks", {"title": "one"})
    await arrive(database)

    secrets = [made["secret"] for made in (hook, rolled)]
    answers = [
        (await admin.get(path)).text
        for path in ("/webhooks", f"/webhooks/{hook['id']}", f"/webhooks/{hook['id']}/deliveries", "/audit/changes")
    ]
    answers.append((await admin.post(f"/webhooks/{hook['id']}/resume")).text)
    entries = [json.dumps(row.changes) for row in await read_all(database, select(table_of(AuditChange)))]
    rows = [str(row._mapping) for row in await read_all(database, select(table_of(Webhook)))]
    told = [
        *answers,
        *entries,
        *rows,
        caplog.text,
        *capsys.readouterr(),
        *(str(each.body) for each in receiver.received),
    ]

    for secret in secrets:
        assert secret.startswith("whsec_")
        assert not [text for text in told if secret in text or secret.removeprefix("whsec_") in text]


async def test_only_the_owner_says_where_to_and_gets_the_secret(
    app: FastAPI, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    owner, other = await signed_in_as(*ALL), await signed_in_as(superuser=True)
    hook = await webhook(owner, receiver)
    path = f"/webhooks/{hook['id']}"

    assert (await other.patch(path, {"url": "https://other.example/"})).status_code == 403
    assert (await other.patch(path, {"event_types": ["*"]})).status_code == 403
    assert (await other.post(f"{path}/roll")).status_code == 403
    assert (await other.patch(path, {"enabled": False})).json()["enabled"] is False
    assert (await other.patch(path, {"enabled": True})).status_code == 403
    assert (await other.post(f"{path}/resume")).status_code == 403
    assert (await owner.patch(path, {"url": "https://other.example/", "enabled": True})).status_code == 200
    assert (await other.delete(path)).status_code == 204


async def test_an_api_key_makes_no_webhook(receiver: Receiver, signed_in_as: SignedInAs) -> None:
    """It would be sent what the key may not read."""
    admin = await signed_in_as(superuser=True)
    made = (
        await admin.post("/auth/api-keys", {"name": "robot", "scopes": ["webhooks:create", "webhooks:read"]})
    ).json()
    body = {"name": "Shop", "url": receiver.url, "event_types": ["*"]}

    answer = await admin.post("/webhooks", body, headers={"Authorization": f"Bearer {made['key']}"})

    assert answer.status_code == 403


BAD = [
    ({"url": "ftp://shop.example/"}, "string-pattern-mismatch"),
    ({"url": "https://user:password@shop.example/"}, "not-a-webhook-url"),
    ({"url": "https:///hooks"}, "not-a-webhook-url"),
    ({"event_types": ["tusk.created"]}, "unknown-event-type"),
    ({"event_types": ["job.created"]}, "unknown-event-type"),
    ({"event_types": ["webhook.updated"]}, "unknown-event-type"),
    ({"event_types": []}, "too-short"),
    ({"module": "nowhere"}, "unknown-module"),
]


@pytest.mark.parametrize(("values", "code"), BAD)
async def test_what_no_webhook_can_be_is_refused(signed_in_as: SignedInAs, values: dict[str, Any], code: str) -> None:
    person = await signed_in_as(*ALL)
    body = {"name": "Shop", "url": "https://shop.example/", "event_types": ["*"]}

    answer = await person.post("/webhooks", {**body, **values})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)


async def test_the_jobs_that_deliver_are_no_events(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    """Else each delivery would be followed by others."""
    admin = await signed_in_as(superuser=True)
    await follow(database)
    await webhook(admin, receiver, "*")
    await admin.post("/brands", {"name": "Lumen"})
    await arrive(database)

    await arrive(database)

    assert receiver.types == ["brand.created"]
