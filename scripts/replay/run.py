"""A run: a server on a new database, clients that operate, and the comparison after the server has stopped."""

import asyncio
import random
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from scripts.replay.client import Client
from scripts.replay.compare import Comparison, compare
from scripts.replay.journal import Journal
from scripts.replay.operations import operate
from scripts.replay.stored import Tables, read_tables
from scripts.replay.values import Secrets
from scripts.replay.world import World
from scripts.servers import PATIENCE_SECONDS, Server, migrate, superuser

CLIENTS = 8


@dataclass
class Report:
    """What a run did, and what it found."""

    name: str
    journal: Journal
    tables: Tables = field(repr=False)
    secrets: Secrets = field(repr=False)
    comparison: Comparison

    def lines(self) -> list[str]:
        """The summary, and the first mismatches."""
        found = self.comparison
        sent = f"{len(self.journal.exchanges):,} requests of {len(self.journal.kinds)} kinds"
        gone = f"{found.vanished} clients vanished ({found.vanished_with_entry} with an entry)"
        return [
            f"{self.name}: {sent}, {found.requests:,} answered, {gone}",
            f"  statuses {self.journal.statuses}",
            f"  {found.rows:,} rows rebuilt, {found.values:,} values compared: {len(found.mismatches)} mismatches",
            *(f"  {mismatch}" for mismatch in found.mismatches[:20]),
        ]


async def run(name: str, database_url: str | None, *, workers: int, requests: int, seed: int) -> Report:
    """Send `requests` to a server on the database at `database_url` (None: a new SQLite file), and compare."""
    keys = Secrets(secrets.token_urlsafe(48), secrets.token_urlsafe(48))
    settings = {
        "AUDIT__PERSONAL_KEY": keys.personal,
        "AUDIT__SECRET_DIGEST_KEY": keys.digest,
        "AUTH__ACCESS_TTL": "3600",
        "AUTH__REFRESH_GRACE": "0",
    }
    with tempfile.TemporaryDirectory() as folder:
        environment = await asyncio.to_thread(migrate, folder, database_url) | settings
        server = Server(environment, workers=workers)
        credentials = await asyncio.to_thread(superuser, server)
        await asyncio.to_thread(server.start)
        try:
            journal, world = Journal(), World(random.Random(seed))
            async with clients_of(server, credentials, journal, world) as clients:
                await operate(clients, requests)
        finally:
            await asyncio.to_thread(server.terminate)
        tables = await read_tables(environment["DATABASE_URL"])
    return Report(name, journal, tables, keys, compare(tables, keys, journal))


@asynccontextmanager
async def clients_of(
    server: Server, credentials: dict[str, str], journal: Journal, world: World
) -> AsyncIterator[list[Client]]:
    """Clients that share one session of the superuser."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as http:
        client = Client(http, journal, world, "")
        pair = await client.send("sign in", "POST", "/auth/token", token=None, data=credentials)
        client.token = pair["access_token"]
        modules = await client.send("read modules", "GET", "/modules")
        world.modules = [item["slug"] for item in modules["items"]]
        yield [client] * CLIENTS
