"""Publishing processes that are killed, and brokers that are away, silent or refuse: events are late, never lost."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.core.clock import new_id, now
from app.core.config import Settings
from app.core.db.engine import Database
from app.modules.events.publishing.publisher import Publisher
from app.modules.events.publishing.status import find_faults
from app.modules.jobs.commands.doctor import doctor
from scripts.proxy import Proxy
from scripts.servers import Server, free_port
from tests.brokers import BROKERS, Broker, Nats, Published, address_at
from tests.fixtures.application import client_of, started, warnings_of
from tests.fixtures.logs import lines_with
from tests.fixtures.servers import environment_of
from tests.listening import listening
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealer_of
from tests.modules.events.publishing import (
    begin,
    end_lease,
    events_behind,
    place_of,
    publish_all,
    until_arrived,
    until_as_many_arrived,
)
from tests.modules.jobs.workers import until
from tests.people import SignedInAs, person
from tests.private_brokers import PrivateServer
from tests.roles import close_opened

PASSWORD = "hunter2-of-the-broker"  # must not be seen anywhere
SOME, MANY = 1000, 3000
pytestmark = pytest.mark.timeout(120)
of_all_brokers = pytest.mark.parametrize("mode", BROKERS)


def first_of_each(inbox: list[Published]) -> list[str | None]:
    """The ids of what arrived, as one sees them who drops repeats."""
    return list(dict.fromkeys(each.id for each in inbox))


def server_of(settings: Settings) -> Server:
    events = {
        "EVENTS__BROKER_URL": ",".join(settings.events.broker_urls),
        "EVENTS__PREFIX": settings.events.prefix,
        "EVENTS__FOLLOW_SECONDS": "0.1",
        "WEBHOOKS__FOLLOW_SECONDS": "0",
        "AUDIT__SEALER": "apart",
    }
    return Server(environment_of(settings) | events)


@of_all_brokers
async def test_a_process_that_is_told_to_stop_stops_soon_and_notes_what_it_published(
    database: Database, broker: Broker, publisher: Publisher, other: Publisher
) -> None:
    place = await begin(database, publisher)
    await add_changes(database, MANY)
    await seal_all(sealer_of(database))

    async with broker.inbox() as inbox:
        running = asyncio.create_task(publisher.run())

        async def has_begun() -> bool:
            return len(inbox) > 50

        await until(has_begun)
        told = monotonic()
        publisher.broker.stop()
        is_ended = await running
        seconds = monotonic() - told
        noted = await place_of(database) - place
        await until_as_many_arrived(inbox, noted)

    assert is_ended
    assert seconds < 2
    assert len(inbox) - noted <= 1
    assert await other.is_behind()
    await other.publish_page()  # at once: the turn was given back
    assert await place_of(database) - place > len(inbox) - 2


class TestKill:
    """A broker of our own, which is killed with SIGKILL and started again."""

    @pytest.fixture
    def broker(self, private_broker: Broker) -> Broker:
        return private_broker

    @of_all_brokers
    async def test_events_go_on_where_they_ended(
        self, database: Database, broker: Broker, publisher: Publisher, private_server: PrivateServer
    ) -> None:
        place = await begin(database, publisher)
        await broker.keep_events()
        await add_changes(database, SOME)
        await seal_all(sealer_of(database))

        async def is_in_the_middle() -> bool:
            return await broker.count_events() > SOME // 10

        running = asyncio.create_task(publisher.run())
        await until(is_in_the_middle)
        private_server.kill()
        await running
        reached, is_away = await place_of(database), publisher.is_away
        await asyncio.to_thread(private_server.start)
        await publish_all(database, publisher, 60)
        kept = await broker.read_events()

        assert is_away
        assert place < reached < place + SOME, "it was killed in the middle"
        assert first_of_each(kept) == await events_behind(database, place)
        assert len(kept) <= SOME + 1, "what was not confirmed is sent again, and nothing else"


class TestProxy:
    """A proxy between the application and the broker, which can cut it off or fall silent."""

    @pytest.fixture
    def broker_url(self, broker: Broker, proxy: Proxy) -> str:
        return address_at(broker.url, proxy.port)

    @of_all_brokers
    async def test_another_process_goes_on_behind_one_that_was_killed(
        self, database: Database, settings: Settings, broker: Broker, publisher: Publisher, tmp_path: Path
    ) -> None:
        """What the process sends goes through this one, so that it is no further than this one sees."""
        place, server = await begin(database, publisher), server_of(settings)
        await add_changes(database, MANY)
        await seal_all(sealer_of(database))

        async with broker.inbox() as inbox:

            async def is_in_the_middle() -> bool:
                return len(inbox) > MANY // 10

            try:
                await asyncio.to_thread(server.start, tmp_path / "server.log")
                await until(is_in_the_middle, 60)
            finally:
                server.kill()
            reached = await place_of(database)
            await until_as_many_arrived(inbox, reached - place)
            await end_lease(database)
            await publish_all(database, publisher, 60)
            expected = await events_behind(database, place)
            await until_arrived(inbox, expected)

        assert place < reached < place + MANY, "it was killed in the middle"
        assert first_of_each(inbox) == expected
        assert len(inbox) - len(expected) <= 101, "what was not noted is sent again, and nothing else"
        if isinstance(broker, Nats):
            assert await broker.count_events() == MANY

    @of_all_brokers
    async def test_what_happened_while_the_broker_was_away_arrives_once_it_is_back(
        self,
        app: FastAPI,
        database: Database,
        broker: Broker,
        publisher: Publisher,
        proxy: Proxy,
        output: io.StringIO,
        signed_in_as: SignedInAs,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        admin, port = await signed_in_as(superuser=True), proxy.port
        place = await begin(database, publisher)
        async with broker.inbox() as inbox:
            await admin.post("/brands", {"name": "Before"})
            await publish_all(database, publisher)
            await proxy.stop()

            for number in range(3):
                assert (await admin.post("/brands", {"name": f"Brand {number}"})).status_code == 201
                await seal_all(sealer_of(database))
                await publisher.run()
                await asyncio.sleep(0.6)
            ill = await doctor(database)
            early = await warnings_of(app)
            monkeypatch.setattr("app.modules.events.publishing.status.now", lambda: now() + timedelta(minutes=1))
            late = await warnings_of(app)
            monkeypatch.undo()
            reached = await place_of(database)
            await proxy.start(port)
            await publish_all(database, publisher)
            expected = await events_behind(database, place)
            await until_arrived(inbox, expected)

        assert (len(expected), reached) == (4, place + 1)
        assert [each.id for each in inbox] == expected
        assert ill.exit_code == 1
        assert ill.lines[-1].startswith("events: the broker is away (")
        assert ill.lines[-1].endswith("); 3 changes wait to be published")
        assert (early, late) == ([], ["Events are late: 3 changes wait to be published."])
        assert [len(lines_with(output, name)) for name in ("event_broker_away", "event_broker_back")] == [1, 1]
        assert await find_faults(database) == []

    @of_all_brokers
    async def test_the_cursor_waits_for_a_broker_that_confirms_nothing(
        self,
        database: Database,
        broker: Broker,
        publisher: Publisher,
        proxy: Proxy,
        signed_in_as: SignedInAs,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("app.modules.events.publishing.broker.CALL_SECONDS", 1.0)
        admin = await signed_in_as(superuser=True)
        place = await begin(database, publisher)
        await admin.post("/brands", {"name": "Heard"})
        await publish_all(database, publisher)
        async with broker.inbox() as inbox:
            assert proxy.silence() > 0
            await admin.post("/brands", {"name": "Silent"})
            await seal_all(sealer_of(database))

            running, begun = asyncio.create_task(publisher.run()), monotonic()
            await asyncio.sleep(0.3)
            assert (await admin.post("/brands", {"name": "Meanwhile"})).status_code == 201
            assert monotonic() - begun < 1, "no write waits for the broker"
            await running
            reached, seconds = await place_of(database), monotonic() - begun
            await publish_all(database, publisher)
            expected = (await events_behind(database, place))[1:]
            await until_arrived(inbox, expected)

        assert (reached, publisher.is_away) == (place + 1, False)
        assert seconds < 4
        assert first_of_each(inbox) == expected

    @of_all_brokers
    async def test_one_that_waits_for_a_silent_broker_stops_at_once(
        self, database: Database, publisher: Publisher, proxy: Proxy, signed_in_as: SignedInAs
    ) -> None:
        admin = await signed_in_as(superuser=True)
        await begin(database, publisher)
        await admin.post("/brands", {"name": "Heard"})
        await publish_all(database, publisher)
        proxy.silence()
        await admin.post("/brands", {"name": "Silent"})
        await seal_all(sealer_of(database))
        running = asyncio.create_task(publisher.run())
        await asyncio.sleep(0.5)

        told = monotonic()
        publisher.broker.stop()

        assert await running
        assert monotonic() - told < 2

    @of_all_brokers
    async def test_an_application_stops_although_the_broker_is_silent(
        self, settings: Settings, broker: Broker, proxy: Proxy
    ) -> None:
        events = settings.events.model_copy(update={"follow_seconds": 0.1})
        async with started(settings.model_copy(update={"events": events})) as app, client_of(app) as client:
            admin = await person(app, client, superuser=True)

            async def is_published() -> bool:
                await admin.post("/brands", {"name": f"Brand {new_id()}"})
                await seal_all(sealer_of(app.state.database))
                return bool(inbox)

            async with broker.inbox() as inbox:
                await until(is_published)
            assert proxy.silence() > 0
            await is_published()
            await asyncio.sleep(0.5)
            await close_opened()
            told = monotonic()

        assert monotonic() - told < 4


@of_all_brokers
async def test_the_cursor_waits_for_a_broker_that_refuses(
    database: Database, broker: Broker, publisher: Publisher, output: io.StringIO, signed_in_as: SignedInAs
) -> None:
    admin = await signed_in_as(superuser=True)
    place = await begin(database, publisher)
    await broker.accept_one()
    async with broker.inbox() as inbox:
        for number in range(3):
            await admin.post("/brands", {"name": f"Brand {number}"})
        await seal_all(sealer_of(database))

        await publisher.run()
        reached, is_away = await place_of(database), publisher.is_away
        await broker.accept_all()
        await publish_all(database, publisher)
        expected = await events_behind(database, place)
        await until_arrived(inbox, expected)

    assert (reached, is_away, publisher.is_away) == (place + 1, True, False)
    assert first_of_each(inbox) == expected
    assert len(lines_with(output, "event_broker_away")) == 1


class TestMute:
    """What accepts connections at the address of the broker, and says nothing."""

    @pytest.fixture
    async def broker_url(self, broker: Broker) -> AsyncIterator[str]:
        async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with listening(say_nothing) as port:
            yield address_at(broker.url, port)

    @of_all_brokers
    async def test_it_is_away(
        self,
        database: Database,
        publisher: Publisher,
        signed_in_as: SignedInAs,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("app.modules.events.publishing.broker.CALL_SECONDS", 0.5)
        admin = await signed_in_as(superuser=True)
        place = await begin(database, publisher)
        await admin.post("/brands", {"name": "Acme"})
        await seal_all(sealer_of(database))

        begun = monotonic()
        await publisher.run()

        assert monotonic() - begun < 3
        assert (publisher.is_away, await place_of(database)) == (True, place)


class TestRefused:
    """A broker that does not let the application in."""

    @pytest.fixture(params=["away", "refused"])
    def broker_url(self, broker: Broker, request: pytest.FixtureRequest) -> str:
        port = free_port() if request.param == "away" else urlsplit(broker.url).port or 0
        return address_at(broker.url, port, f"someone:{PASSWORD}")

    @pytest.mark.parametrize("mode", ["rabbitmq"])  # NATS asks for no password here
    async def test_no_password_is_told(
        self, database: Database, publisher: Publisher, output: io.StringIO, signed_in_as: SignedInAs
    ) -> None:
        admin = await signed_in_as(superuser=True)
        place = await begin(database, publisher)
        await admin.post("/brands", {"name": "Acme"})
        await seal_all(sealer_of(database))

        await publisher.run()

        assert await place_of(database) == place
        faults = await find_faults(database)
        assert len(faults) == 1
        assert len(lines_with(output, "event_broker_away")) == 1
        assert PASSWORD not in output.getvalue() + str(faults) + repr(database.settings)


@pytest.mark.parametrize("url", ["redis://host", "nats://host,amqp://host", "amqp:///", f"amqp://a:{PASSWORD}@host:x"])
def test_an_address_of_no_broker_stops_the_start(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, events={"broker_url": url})

    assert "EVENTS__BROKER_URL: write amqp://" in str(caught.value)
    assert PASSWORD not in str(caught.value)
