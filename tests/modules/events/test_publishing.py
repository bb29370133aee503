"""Events are published in the order of the log, each under its id, and without what not everybody may read."""

import asyncio

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

from app.core.config import Settings
from app.core.db.engine import Database
from app.modules.events.publishing.publisher import Publisher
from tests.brokers import BROKERS, Broker, Nats
from tests.fixtures.application import client_of, started
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.events.publishing import begin, events_behind, publish_all, until_arrived
from tests.people import PASSWORD, Person, SignedInAs, person
from tests.roles import close_opened

CUSTOMER = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@analytical.example"}
pytestmark = [pytest.mark.parametrize("mode", BROKERS), pytest.mark.timeout(120)]


async def test_an_event_is_a_cloud_event_under_its_topic(
    database: Database, broker: Broker, publisher: Publisher, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    place = await begin(database, publisher)

    async with broker.inbox() as inbox:
        task = (await admin.post("/tasks", {"title": "Sweep"})).json()
        await admin.patch(f"/tasks/{task['id']}", {"title": "Sweep well"})
        await admin.delete(f"/tasks/{task['id']}")
        await publish_all(database, publisher)
        await until_arrived(inbox, await events_behind(database, place))

    prefix = database.settings.events.prefix
    assert [each.topic for each in inbox] == [f"{prefix}.task.{past}" for past in ("created", "updated", "deleted")]
    message = inbox[1]
    event = from_structured(HTTPMessage({"content-type": message.content_type}, message.body), JSONFormat())
    assert (event.get_type(), event.get_subject(), event.get_id()) == ("task.updated", task["id"], message.id)
    assert message.event["sequence"] == str(place + 2)
    data = message.event["data"]
    assert {"title"} <= set(data.pop("fields")) <= {"title", "words", "version", "updated_at", "updated_by_id"}
    assert data.pop("call_id") is not None
    assert data == {
        "module": "tasks", "entity": "task", "item_id": task["id"], "action": "updated",
        "actor_kind": "user", "actor_id": str(admin.id),
    }  # fmt: skip


async def test_events_of_concurrent_writers_arrive_once_and_in_their_order(
    database: Database, broker: Broker, publisher: Publisher, other: Publisher, signed_in_as: SignedInAs
) -> None:
    admin, written = await signed_in_as(superuser=True), asyncio.Event()
    place = await begin(database, publisher)

    async def write(name: str) -> None:
        for number in range(8):
            await admin.post("/brands", {"name": f"{name} {number}"})

    async def publish() -> None:
        while not written.is_set():
            await seal_all(sealer_of(database))
            await asyncio.gather(publisher.run(), other.run())

    async with broker.inbox() as inbox:
        publishing = asyncio.create_task(publish())
        await asyncio.gather(*(write(f"Brand {number}") for number in range(4)))
        written.set()
        await publishing
        await publish_all(database, publisher)
        expected = await events_behind(database, place)
        await until_arrived(inbox, expected)

    assert len(expected) == 32
    assert [each.id for each in inbox] == expected


async def test_more_events_than_a_page_arrive(
    database: Database,
    broker: Broker,
    publisher: Publisher,
    signed_in_as: SignedInAs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.modules.events.publishing.publisher.PAGE", 2)
    admin = await signed_in_as(superuser=True)
    place = await begin(database, publisher)

    async with broker.inbox() as inbox:
        for number in range(5):
            await admin.post("/brands", {"name": f"Brand {number}"})
        await publish_all(database, publisher)
        await until_arrived(inbox, await events_behind(database, place))

    assert [each.id for each in inbox] == await events_behind(database, place)


async def write_secrets(admin: Person) -> list[str]:
    """Write personal data, secrets and words of a caller. Returns them."""
    made = (await admin.post("/customers", CUSTOMER, headers={"X-Request-ID": "for-ada"})).json()
    await admin.patch(f"/customers/{made['id']}", {"last_name": "Byron"})
    user = {"username": "lovelace", "email": "countess@analytical.example", "password": PASSWORD}
    assert (await admin.post("/users", user)).status_code == 201
    hook = {"name": "Shop", "url": "https://shop.example/hooks", "event_types": ["*"]}
    secret = (await admin.post("/webhooks", hook)).json()["secret"]
    return [*CUSTOMER.values(), "Byron", *user.values(), secret, secret.removeprefix("whsec_"), "for-ada"]


async def test_no_values_are_published(
    database: Database, broker: Broker, publisher: Publisher, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    place = await begin(database, publisher)

    async with broker.inbox() as inbox:
        told = await write_secrets(admin)
        await publish_all(database, publisher)
        await until_arrived(inbox, await events_behind(database, place))

    topics = [each.topic.partition(".")[2] for each in inbox]
    assert topics == ["customer.created", "customer.updated", "user.created"]
    fields = {name for each in inbox for name in each.event["data"]["fields"]}
    assert fields >= {"first_name", "last_name", "email"}
    assert not fields & {"password_hash", "secret"}
    for each in inbox:
        assert not [value for value in told if value in each.body.decode()]
        assert "changes" not in each.event["data"]
        assert not [value for value in each.event["data"].values() if isinstance(value, dict)]


async def test_publishing_begins_behind_what_happened_before(
    database: Database, broker: Broker, publisher: Publisher, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    await admin.post("/brands", {"name": "Before"})
    place = await begin(database, publisher)

    async with broker.inbox() as inbox:
        brand = (await admin.post("/brands", {"name": "Behind"})).json()
        await publish_all(database, publisher)
        await until_arrived(inbox, await events_behind(database, place))

    assert [each.event["data"]["item_id"] for each in inbox] == [brand["id"]]
    assert place > 0


async def test_a_process_of_the_api_publishes(settings: Settings, broker: Broker) -> None:
    events = settings.events.model_copy(update={"follow_seconds": 0.1})
    async with started(settings.model_copy(update={"events": events})) as app, client_of(app) as client:
        admin = await person(app, client, superuser=True)
        async with broker.inbox() as inbox:
            for number in range(100):
                await asyncio.sleep(0.1)
                await admin.post("/brands", {"name": f"Brand {number}"})
                await seal_all(sealer_of(app.state.database))
                if inbox:
                    break
        await close_opened()

    assert inbox
    if isinstance(broker, Nats):
        assert await broker.count_events() > 0
