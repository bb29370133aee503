"""Breaks PostgreSQL, the network or the server under a write load of two processes, and accounts for every write.

Acknowledged writes, rows, change entries and access entries must agree afterwards: nothing lost, nothing doubled. A
write whose response was lost or was a refusal is sent again with its idempotency key until it succeeds.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from scripts.kill_9.accounts import find_complaints
from scripts.kill_9.traffic import WRITERS, Traffic
from scripts.processes import children
from scripts.proxy import Proxy
from scripts.replay.stored import read_tables
from scripts.servers import Server, migrate, signed_in, superuser
from tests.databases import EmbeddedServer

WORKERS = 2
HOLD_SECONDS = 15.0
PORT = 5432


@dataclass
class Scene:
    """What a fault may break."""

    database: EmbeddedServer
    proxy: Proxy
    server: Server


Fault = Callable[[Scene], Awaitable[None]]


async def freeze_database(scene: Scene) -> None:
    """Every process of PostgreSQL stops (SIGSTOP), and goes on after `HOLD_SECONDS`."""
    postmaster = postmaster_of(scene.database)
    processes = [postmaster, *children(postmaster)]
    signal_all(processes, signal.SIGSTOP)
    await asyncio.sleep(HOLD_SECONDS)
    signal_all(processes, signal.SIGCONT)


async def kill_database(scene: Scene) -> None:
    """PostgreSQL is killed, and comes back after `HOLD_SECONDS`."""
    postmaster = postmaster_of(scene.database)
    signal_all([*children(postmaster), postmaster], signal.SIGKILL)
    await asyncio.sleep(HOLD_SECONDS)
    await asyncio.to_thread(scene.database.server.ensure_postgres_running)


async def silence_network(scene: Scene) -> None:
    """The open connections go silent for ever; new ones work."""
    scene.proxy.silence()
    await asyncio.sleep(HOLD_SECONDS)


async def kill_server(scene: Scene) -> None:
    """The server and its workers are killed, and start again at once."""
    scene.server.kill()
    await asyncio.to_thread(scene.server.start)


FAULTS: dict[str, Fault] = {
    "database stopped": freeze_database,
    "database killed": kill_database,
    "network silent": silence_network,
    "server killed": kill_server,
}


def postmaster_of(database: EmbeddedServer) -> int:
    found = database.server.get_pid()
    if found is None:
        raise RuntimeError("PostgreSQL does not run")
    return int(found)


def signal_all(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


async def run(scene: Scene, fault: Fault, rounds: int) -> Traffic:
    """Write, break, mend and write on, `rounds` times; then send again what was not acknowledged, and compare."""
    traffic = Traffic()
    await asyncio.to_thread(scene.server.start)
    writer = await asyncio.to_thread(superuser, scene.server)
    async with signed_in(scene.server, writer, timeout=60) as client:
        for _ in range(rounds):
            stop = asyncio.Event()
            writers = [asyncio.create_task(traffic.write(client, stop)) for _ in range(WRITERS)]
            await asyncio.sleep(1)
            await fault(scene)
            await asyncio.sleep(1)
            stop.set()
            await asyncio.gather(*writers)
    await traffic.decide(scene.server, writer)
    await asyncio.to_thread(scene.server.terminate)
    traffic.complaints = find_complaints(await read_tables(scene.server.environment["DATABASE_URL"]), traffic)
    return traffic


async def break_all(chosen: str, rounds: int) -> int:
    """Run the chosen faults, each on a database of its own. Returns the number of complaints."""
    complaints = 0
    server = EmbeddedServer()
    server.server.psql("ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();")
    folder_of_socket = parse_qs(urlsplit(server.url).query)["host"][0]
    proxy = await Proxy(folder_of_socket, PORT).start()
    for name, fault in FAULTS.items():
        if chosen not in name:
            continue
        database = f"faults_{uuid4().hex}"
        server.server.psql(f'CREATE DATABASE "{database}";')
        with tempfile.TemporaryDirectory() as folder:
            url = f"postgresql+asyncpg://postgres@127.0.0.1:{proxy.port}/{database}"
            environment = await asyncio.to_thread(migrate, folder, url)
            scene = Scene(server, proxy, Server(environment, workers=WORKERS))
            traffic = await run(scene, fault, rounds)
            left = spools(folder)
        complaints += len(traffic.complaints) + len(left)
        print(
            f"{name:18} {len(traffic.tasks):6} acknowledged {traffic.repetitions:6} sent again "
            f"{len(traffic.complaints):4} complaints {len(left):4} spools left",
            *traffic.complaints[:5],
            sep="\n  ",
            flush=True,
        )
    await proxy.stop()
    return complaints


def spools(folder: str) -> list[Path]:
    return list(Path(folder).glob("var/spool/*.spool"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    return bool(asyncio.run(break_all(arguments.only, arguments.rounds)))


if __name__ == "__main__":
    sys.exit(main())
