"""A broker that is away, restarts, falls silent or refuses: jobs are late, and never lost."""

import asyncio
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.core.config import JobSettings, Settings
from app.core.db.engine import Database
from app.core.jobs import enqueue
from app.modules.jobs.commands.doctor import doctor
from scripts.proxy import Proxy
from scripts.servers import free_port
from tests.brokers import BROKERS, Broker, address_at
from tests.fixtures.application import warnings_of
from tests.fixtures.logs import lines_with
from tests.fixtures.servers import require_program
from tests.modules.jobs.kinds import Gated, ask, context_of, make_behind_a_gate, make_brand
from tests.modules.jobs.workers import Working, brands, jobs, rows, until, until_in, until_running, workers_on
from tests.people import SignedInAs
from tests.private_brokers import PrivateServer

AWAY = "The broker of jobs is away: jobs begin later."
PASSWORD = "hunter2-of-the-broker"  # must not be seen anywhere
pytestmark = pytest.mark.timeout(120)
of_all_brokers = pytest.mark.parametrize("mode", BROKERS)


@pytest.fixture
def broker_url(broker: Broker, proxy: Proxy) -> str:
    """The address of the broker that the application knows."""
    return address_at(broker.url, proxy.port)


@pytest.fixture
def settings(settings: Settings, job_settings: JobSettings, broker_url: str) -> Settings:
    jobs = JobSettings.model_validate(job_settings.model_dump() | {"broker_url": broker_url})
    return settings.model_copy(update={"jobs": jobs})


@pytest.fixture
def working(database: Database, broker: Broker) -> Working:
    return workers_on(database, broker)


@of_all_brokers
async def test_jobs_run_while_the_broker_restarts(
    app: FastAPI, database: Database, proxy: Proxy, output: io.StringIO, working: Working, signed_in_as: SignedInAs
) -> None:
    maker, port = await signed_in_as("brands:create"), proxy.port

    async def warns() -> bool:
        return AWAY in await warnings_of(app)

    async def is_well() -> bool:
        return AWAY not in await warnings_of(app) and (await doctor(database)).exit_code == 0

    async with working():
        await proxy.stop()
        await until(warns)
        without = await ask(database, context_of(maker.id), make_brand, "Without")
        await until_in(database, without, "succeeded")
        ill = await doctor(database)
        await asyncio.sleep(3)
        lines = lines_with(output, "job_broker_away")
        await proxy.start(port)
        await until(is_well, 20)

    assert len(lines) == 2, "one of the application, and one of the worker"
    assert ill.exit_code == 1
    assert ill.lines[-1].startswith("broker: it is away (")


@of_all_brokers
async def test_a_worker_hears_of_jobs_again_after_a_restart(
    database: Database, proxy: Proxy, broker: Broker, working: Working, signed_in_as: SignedInAs
) -> None:
    maker, port = await signed_in_as("brands:create"), proxy.port

    async def is_heard() -> bool:
        return await broker.count_listeners() > 0

    async with working():
        await proxy.stop()
        await asyncio.sleep(1)
        await proxy.start(port)
        await until(is_heard, 20)
        asked = await ask(database, context_of(maker.id), make_brand, "Acme")
        await until_in(database, asked, "succeeded")


@of_all_brokers
async def test_jobs_run_while_the_broker_is_silent(
    database: Database, proxy: Proxy, working: Working, signed_in_as: SignedInAs
) -> None:
    maker = await signed_in_as("brands:create")

    async with working():
        assert proxy.silence() > 0
        asked = await ask(database, context_of(maker.id), make_brand, "Acme")
        await until_in(database, asked, "succeeded", 30)


class TestAway:
    """A broker that is not there when processes start, or does not let them in."""

    @pytest.fixture(params=["away", "refused"])
    def broker_url(self, mode: str, broker: Broker, request: pytest.FixtureRequest) -> Iterator[str]:
        port = free_port()
        if request.param == "away" or mode == "rabbitmq":
            refusing = urlsplit(broker.url).port or 0
            yield address_at(broker.url, port if request.param == "away" else refusing, f"someone:{PASSWORD}")
            return
        require_program("nats-server", "REQUIRE_BROKERS")
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(port), "--user", "someone", "--pass", "other"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            yield address_at(broker.url, port, f"someone:{PASSWORD}")
            server.kill()

    @of_all_brokers
    async def test_jobs_run_all_the_same(
        self, app: FastAPI, database: Database, output: io.StringIO, signed_in_as: SignedInAs
    ) -> None:
        maker, working = await signed_in_as("brands:create"), workers_on(database, None)

        async with working():
            asked = await ask(database, context_of(maker.id), make_brand, "Acme")
            await until_in(database, asked, "succeeded")
            await asyncio.sleep(2)
        warnings, ill = await warnings_of(app), await doctor(database)

        assert len(lines_with(output, "job_broker_away")) <= 2
        assert AWAY in warnings
        assert ill.exit_code == 1
        assert PASSWORD not in output.getvalue() + str(ill.lines) + repr(database.settings)
        assert [row.name for row in await rows(database, brands)] == ["Acme"]


class TestKill:
    """A broker of our own, which is killed with SIGKILL and started again."""

    @pytest.fixture
    def broker(self, private_broker: Broker) -> Broker:
        return private_broker

    @pytest.fixture
    def broker_url(self, broker: Broker) -> str:
        return broker.url

    @of_all_brokers
    async def test_each_job_runs_once_and_workers_hear_of_new_ones(
        self,
        tmp_path: Path,
        database: Database,
        broker: Broker,
        private_server: PrivateServer,
        working: Working,
        signed_in_as: SignedInAs,
    ) -> None:
        context = context_of((await signed_in_as("brands:create")).id)
        gates = [tmp_path / "first", tmp_path / "second"]

        async def are_told() -> bool:
            return await broker.count() >= 5

        async def is_heard() -> bool:
            return await broker.count_listeners() > 0 and await broker.count() == 0

        async def ask_for(name: str) -> list[UUID]:
            return [await ask(database, context, make_brand, f"{name} {number}") for number in range(5)]

        async def ask_behind(gate: Path) -> UUID:
            async with database.unit_of_work(context) as session:
                return await enqueue(session, make_behind_a_gate, Gated(name=gate.name, gate=gate))

        async with working(concurrency=len(gates)):
            held = [await ask_behind(gate) for gate in gates]
            for each in held:
                await until_running(database, each)
            before = await ask_for("Before")
            await until(are_told)
            private_server.kill()
            without = await ask_for("Without")
            gates[0].touch()
            for each in (held[0], *before, *without):
                await until_in(database, each, "succeeded")
            await asyncio.to_thread(private_server.start)
            await until(is_heard, 30)
            again = await ask_for("Again")
            for each in again:
                await until_in(database, each, "succeeded")
            gates[1].touch()
            await until_in(database, held[1], "succeeded")

        names = [f"{name} {number}" for name in ("Before", "Without", "Again") for number in range(5)]
        assert sorted(row.name for row in await rows(database, brands)) == sorted([*names, "first", "second"])
        assert {row.attempts for row in await rows(database, jobs)} == {1}


@pytest.mark.parametrize(
    ("mode", "url", "reason"),
    [
        ("rabbitmq", None, "needs JOBS__BROKER_URL"),
        ("nats", "", "needs JOBS__BROKER_URL"),
        ("rabbitmq", f"nats://someone:{PASSWORD}@host", "no address such as amqp://host"),
        ("nats", f"amqp://someone:{PASSWORD}@host", "no address such as nats://host"),
        ("nats", f"nats://host,someone:{PASSWORD}", "no address such as nats://host"),
        ("rabbitmq", f"amqp://someone:{PASSWORD}@host:port", "no address such as amqp://host"),
        ("rabbitmq", "amqp:///", "no address such as amqp://host"),
    ],
)
def test_settings_that_name_no_broker_stop_the_start(mode: str, url: str | None, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, jobs={"mode": mode, "broker_url": url})

    assert reason in str(caught.value)
    assert PASSWORD not in str(caught.value)
