"""Webhooks follow every sealed change, in its order, whichever process does it."""

import asyncio

import pytest
from sqlalchemy import select

from app.core.config import Settings, WebhookSettings
from app.core.db.engine import Database
from app.modules.jobs.repository import jobs
from app.modules.webhooks.following.follower import Follower
from tests.fixtures.application import client_of, started
from tests.modules.audit.sealer.sealed import read_all, seal_all, sealer_of
from tests.modules.webhooks.hooks import ALL, arrive, webhook, work
from tests.modules.webhooks.receiver import Receiver
from tests.people import SignedInAs, person
from tests.roles import close_opened


async def deliveries_asked(database: Database) -> list[str]:
    """What deliveries are asked for once by."""
    found = await read_all(database, select(jobs).order_by(jobs.c.id))
    return [row.once for row in found if row.kind == "webhooks.deliver"]


async def test_several_followers_ask_for_each_delivery_once(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    hooks = [await webhook(admin, receiver, "brand.*", name=name) for name in ("one", "two")]
    for number in range(5):
        await admin.post("/brands", {"name": f"Brand {number}"})
    await seal_all(sealer_of(database))

    for _ in range(3):
        await asyncio.gather(*(Follower(database).run() for _ in range(3)))
    await work(database)

    asked = await deliveries_asked(database)
    assert len(asked) == len(set(asked)) == 10
    assert all(once.startswith(tuple(f"hook/{hook['id']}/" for hook in hooks)) for once in asked)
    assert sorted(request.event["sequence"] for request in receiver.received) == sorted(
        2 * sorted({request.event["sequence"] for request in receiver.received})
    )


async def test_more_events_than_a_page_arrive(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.modules.webhooks.following.follower.PAGE", 2)
    admin = await signed_in_as(superuser=True)
    await webhook(admin, receiver, "brand.*")
    for number in range(4):
        await admin.post("/brands", {"name": f"Brand {number}"})

    await arrive(database)

    names = [request.event["data"]["changes"]["name"]["new"] for request in receiver.received]
    assert names == [f"Brand {number}" for number in range(4)]


async def test_a_process_of_the_api_follows(settings: Settings, receiver: Receiver) -> None:
    follows = settings.model_copy(update={"webhooks": WebhookSettings(follow_seconds=0.1, allow_http=True)})
    async with started(follows) as app, client_of(app) as client:
        admin = await person(app, client, superuser=True)
        await webhook(admin, receiver, "brand.*")
        await admin.post("/brands", {"name": "Lumen"})
        await seal_all(sealer_of(app.state.database))

        for _ in range(50):
            await asyncio.sleep(0.1)
            if await deliveries_asked(app.state.database):
                break
        await work(app.state.database)
        await close_opened()

    assert receiver.types == ["brand.created"]


async def test_a_webhook_of_http_needs_the_setting(settings: Settings, receiver: Receiver) -> None:
    strict = settings.model_copy(update={"webhooks": WebhookSettings(follow_seconds=0)})
    async with started(strict) as app, client_of(app) as client:
        admin = await person(app, client, ALL)
        body = {"name": "Shop", "url": receiver.url, "event_types": ["*"]}

        answer = await admin.post("/webhooks", body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "https-required")
