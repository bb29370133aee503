"""A run: writers, kills in random order, and the accounts at the end."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from scripts.kill_9.accounts import SEALED, count_killed_after_commit, find_complaints
from scripts.kill_9.traffic import WRITERS, Traffic
from scripts.kill_9.victims import Api, Sealer, Victim
from scripts.replay.stored import Tables, read_tables
from scripts.servers import PATIENCE_SECONDS, ROOT, Server, signed_in

APART = {"AUDIT__SEALER": "apart", "AUDIT__TICK": "0.1"}
"""The sealer is a process of its own, and busy."""


@dataclass
class Result:
    """What happened, and what does not agree."""

    traffic: Traffic = field(default_factory=Traffic)
    kills: Counter[str] = field(default_factory=Counter)
    """The kills that landed, by victim."""
    sealed: Counter[str] = field(default_factory=Counter)
    """The places given, by log."""
    killed_after_commit: int = 0
    """Lost requests that have change entries and no access entry: the process died in between."""
    complaints: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The summary, and the first complaints."""
        traffic = self.traffic
        requests = f"{len(traffic.attempts)} requests ({traffic.lost_answers} without an answer)"
        return [
            f"{self.kills.total()} kills landed {dict(self.kills)}",
            f"{len(traffic.tasks)} acknowledged writes, {requests}, {traffic.repetitions} repetitions",
            f"sealed {dict(self.sealed)}, killed between commit and access entry {self.killed_after_commit}",
            f"{len(self.complaints)} complaints",
            *(f"  {complaint}" for complaint in self.complaints[:20]),
        ]


class Stage:
    """A server and a sealer on a migrated database, and whatever else is to be killed."""

    def __init__(self, environment: dict[str, str], workers: int, others: list[Victim]) -> None:
        self.environment = {**environment, **APART}
        self.server = Server(self.environment, workers=workers)
        self.sealer = Sealer(self.environment)
        self.victims: list[Victim] = [Api(self.server), self.sealer, *others]
        self.result = Result()

    async def run(self, credentials: dict[str, str], kills: int, seconds: float) -> Result:
        """Write and kill, `kills` times, about `seconds` apart; then compare."""
        self.sealer.start()
        try:
            await asyncio.to_thread(self.server.start)
            await self.kill_under_load(credentials, kills, seconds)
            await self.result.traffic.decide(self.server, credentials)
            await asyncio.to_thread(self.server.terminate)
            tables = await self.wait_until_sealed()
            await self.check(tables)
        finally:
            for victim in self.victims[:2]:
                victim.kill()
        return self.result

    async def kill_under_load(self, credentials: dict[str, str], kills: int, seconds: float) -> None:
        stop = asyncio.Event()
        async with signed_in(self.server, credentials, timeout=PATIENCE_SECONDS) as client:
            writers = [asyncio.create_task(self.result.traffic.write(client, stop)) for _ in range(WRITERS)]
            for number in range(kills):
                await asyncio.sleep(seconds * random.uniform(0.3, 1.7))
                await self.kill_one(self.victims[number % len(self.victims)])
            await asyncio.sleep(seconds)
            stop.set()
            await asyncio.gather(*writers)

    async def kill_one(self, victim: Victim) -> None:
        if not self.sealer.is_alive:
            self.result.complaints.append("the sealer has ended by itself")
        if await asyncio.to_thread(victim.kill):
            self.result.kills[victim.name] += 1
        await asyncio.sleep(random.uniform(0, 0.3))
        await asyncio.to_thread(victim.start)

    async def wait_until_sealed(self) -> Tables:
        """The tables, once every entry has its place, or after `PATIENCE_SECONDS`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            tables = await read_tables(self.environment["DATABASE_URL"])
            entries = len(tables["audit_change"]) + len(tables["audit_access"])
            if sum(run["length"] for run in tables["audit_run"]) >= entries or time.monotonic() > deadline:
                return tables
            await asyncio.sleep(0.5)

    async def check(self, tables: Tables) -> None:
        """Stop the sealer, compare everything, and let the verifier look."""
        for run in tables["audit_run"]:
            self.result.sealed[run["log"]] += run["length"]
        self.result.killed_after_commit = count_killed_after_commit(tables, self.result.traffic)
        self.result.complaints += find_complaints(tables, self.result.traffic, SEALED)
        if code := self.sealer.stop():
            self.result.complaints.append(f"the sealer ended with {code}")
        command = [sys.executable, "-m", "app", "verify"]
        environment = {**os.environ, **self.environment}
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            self.result.complaints.append(f"verify exits {done.returncode}: {done.stdout[-500:]}")
