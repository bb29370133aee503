"""Running servers with the same rows in each, the requests for them, and what a turn of load costs them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx

from scripts.bench.client import NUMBER, Request
from scripts.bench.databases import new_database
from scripts.bench.figures import Figures, percentile
from scripts.bench.install import NotInstalled
from scripts.bench.load import load
from scripts.bench.peer import PROGRAMS, Peer
from scripts.processes import children, cpu_seconds, running_seconds
from scripts.servers import Server, migrate, superuser
from tests.databases import Postgresql

API = "/api/v1"
ROWS = 200
"""Tasks and products in each target. Updates go through them in turn, so that no two meet at one row."""
ATTEST = "attest"
NAMES = (ATTEST, *PROGRAMS)
PEER_CREDENTIALS = {"username": "bench", "password": "a long and quiet river"}
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
LONG_TOKENS = {"AUTH__ACCESS_TTL": "86400"}
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
TASK = {"title": "bench", "description": "a few words"}
PRODUCT = {"name": "Desk lamp, brass", "price": "19.90", "currency": "EUR"}


@dataclass
class Target:
    """A running server and the requests to send it."""

    name: str
    port: int
    pid: int
    database_url: str
    requests: dict[str, list[Request]] = field(default_factory=dict)

    @property
    def processes(self) -> list[int]:
        return [self.pid, *children(self.pid)]


def fill(target: Target, credentials: dict[str, str] | None) -> Target:
    """Sign in, create tasks and products, and build the requests of each kind."""
    with httpx.Client(base_url=f"http://127.0.0.1:{target.port}{API}", timeout=60) as client:
        if credentials:
            response = client.post("/auth/token", data=credentials)
            client.headers["Authorization"] = f"Bearer {response.raise_for_status().json()['access_token']}"

        def create(path: str, body: dict[str, Any]) -> str:
            return str(client.post(path, json=body).raise_for_status().json()["id"])

        tasks = [create("/tasks", {**TASK, "title": f"task {number}"}) for number in range(ROWS)]
        product = {
            **PRODUCT,
            "brand_id": create("/brands", {"name": "Lumen"}),
            "category_id": create("/categories", {"name": "Lamps"}),
        }
        products = [create("/products", {**product, "sku": f"F-{number}"}) for number in range(ROWS)]
        bearer = (("Authorization", client.headers["Authorization"]),) if credentials else ()
    target.requests = requests_for(bearer, tasks, products, product)
    if credentials:
        target.requests["sign in"] = [Request("POST", f"{API}/auth/token", (FORM,), urlencode(credentials).encode())]
    return target


def requests_for(
    bearer: tuple[tuple[str, str], ...], tasks: list[str], products: list[str], product: dict[str, str]
) -> dict[str, list[Request]]:
    """The requests of each kind, in the order of the tables."""
    sends = (*bearer, JSON)
    change = json.dumps({"title": f"bench {NUMBER}"}).encode()
    new = json.dumps({**product, "sku": f"N-{NUMBER}"}).encode()
    return {
        "get": [Request("GET", f"{API}/tasks/{task}", bearer) for task in tasks],
        "list 50": [Request("GET", f"{API}/tasks?limit=50", bearer)],
        "create": [Request("POST", f"{API}/tasks", sends, json.dumps(TASK).encode())],
        "update": [Request("PATCH", f"{API}/tasks/{task}", sends, change) for task in tasks],
        "get product": [Request("GET", f"{API}/products/{each}", bearer) for each in products],
        "list products": [Request("GET", f"{API}/products?limit=50", bearer)],
        "create product": [Request("POST", f"{API}/products", sends, new)],
    }


KINDS = tuple(requests_for((), [], [], {}))


@contextmanager
def serve_attest(folder: str, database_url: str | None, *, workers: int = 1) -> Iterator[tuple[Target, Server]]:
    """Attest with everything on but rate limits, because the load comes from one address; without rows."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    environment = {**migrate(folder, database_url), **LONG_TOKENS}
    with Server(environment, workers=workers).start(log=Path(folder, "server.log")) as server:
        if server.process is None:
            raise RuntimeError("not started")
        yield Target(ATTEST, server.port, server.process.pid, environment["DATABASE_URL"]), server
        server.terminate()


@contextmanager
def attest(folder: str, database_url: str | None, *, workers: int = 1) -> Iterator[Target]:
    """Attest with rows."""
    with serve_attest(folder, database_url, workers=workers) as (target, server):
        yield fill(target, superuser(server))


@contextmanager
def peer(name: str, folder: str, database_url: str) -> Iterator[Target]:
    """A peer on a database of its own. Raises NotInstalled."""
    with Peer(name, database_url, folder) as running:
        target = Target(name, running.port, running.pid, database_url)
        yield fill(target, PEER_CREDENTIALS if running.program.signs_in else None)


def start(
    names: tuple[str, ...], backend: Postgresql, folder: str, stack: ExitStack
) -> tuple[list[Target], dict[str, str]]:
    """Start the targets, each on a database of its own. Returns them, and why others are not there."""
    targets, absent = [], {}
    for name in names:
        url = stack.enter_context(new_database(backend, f"bench_{name.replace('+', '_extras')}"))
        try:
            target = attest(f"{folder}/attest", url) if name == ATTEST else peer(name, folder, url)
            targets.append(stack.enter_context(target))
        except (NotInstalled, RuntimeError, httpx.HTTPError) as error:
            if name == ATTEST:
                raise
            absent[name] = " ".join(str(error).split())
    return targets, absent


def measure(target: Target, kind: str, connections: int, seconds: float) -> Figures:
    """One turn of load."""
    pids = target.processes
    before, backends = total_cpu(pids), database_cpu(target.database_url)
    sample = load(target.port, target.requests[kind], connections, seconds)
    after = database_cpu(target.database_url)
    used, count = total_cpu(pids) - before, len(sample.latencies)
    database = sum(seconds - backends.get(pid, 0) for pid, seconds in after.items())
    return Figures(
        rate=count / sample.elapsed,
        cpu=used / count * 1e6,
        database_cpu=database / count * 1e6,
        p50=percentile(sample.latencies, 0.5) * 1e3,
        p99=percentile(sample.latencies, 0.99) * 1e3,
        client=sample.client_cpu / sample.elapsed,
    )


def total_cpu(pids: list[int]) -> float:
    return sum(map(cpu_seconds, pids))


def database_cpu(url: str) -> dict[int, float]:
    """The CPU of the connections to a database of PostgreSQL on this machine, by process; empty for another one."""
    if not url.startswith("postgresql"):
        return {}
    return {pid: running_seconds(pid) for pid in asyncio.run(backends_of(url)) if Path(f"/proc/{pid}/stat").exists()}


async def backends_of(url: str) -> list[int]:
    return [row["pid"] for row in await fetch(url, BACKENDS)]


def gather_statistics(target: Target) -> None:
    """Let PostgreSQL count the rows of a target, as it does by itself every minute, but at the same time for all."""
    if target.database_url.startswith("postgresql"):
        asyncio.run(fetch(target.database_url, "ANALYZE"))


async def fetch(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
