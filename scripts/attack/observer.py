"""Watches a server during an attack: its memory and CPU, and how long a new client waits for `GET /healthz`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import quantiles

from scripts.bench.client import Request, exchange
from scripts.processes import cpu_seconds, memory
from scripts.servers import Server

PATIENCE_SECONDS = 10.0
"""An observer that waits longer counts as one that was not served."""
HEALTH = Request("GET", "/healthz", (("Connection", "close"),)).encode()


@dataclass(frozen=True)
class Outcome:
    """What became of an attack, in words, and the number of its requests that were answered."""

    text: str
    requests: int = 0


Attack = Callable[[Server], Awaitable[Outcome]]


@dataclass
class Waits:
    """How long others waited, in seconds, and how many were not served."""

    times: list[float] = field(default_factory=list)
    unserved: int = 0

    @property
    def p99(self) -> float:
        return quantiles(self.times, n=100)[98] if len(self.times) > 1 else float("nan")


@dataclass(frozen=True)
class Row:
    """One line of the table. Memory in MiB, CPU in milliseconds a request, the p99 of others in milliseconds."""

    attack: str
    server: str
    outcome: str
    growth: float
    cpu: float
    p99: float
    unserved: int

    def __str__(self) -> str:
        return (
            f"{self.attack:34} {self.server:8} {self.growth:+8.0f} MiB {self.cpu:9.1f} ms "
            f"{self.p99:8.0f} ms {self.unserved:8}   {self.outcome}"
        )


HEADER = f"{'attack':34} {'server':8} {'memory':>12} {'CPU/request':>12} {'others p99':>11} {'unserved':>8}   outcome"


async def observe(name: str, server: Server, attack: Attack) -> Row:
    """Run an attack and watch the server meanwhile."""
    waits, pid = Waits(), server.worker
    before, used = memory(pid, begin_anew=True), cpu_seconds(pid)
    watcher = asyncio.create_task(watch(server.port, waits))
    try:
        outcome = await attack(server)
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
    used = cpu_seconds(pid) - used
    growth = memory(pid).highest - before.now
    return Row(
        name,
        server.launcher,
        outcome.text,
        growth,
        1000 * used / (outcome.requests or 1),
        1000 * waits.p99,
        waits.unserved,
    )


async def watch(port: int, waits: Waits) -> None:
    """Ask for `/healthz` on new connections, one after the other."""
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ask(port)
            waits.times.append(time.monotonic() - started)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            waits.unserved += 1
        await asyncio.sleep(0.02)


async def ask(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await exchange(reader, writer, HEALTH)
    finally:
        writer.close()
