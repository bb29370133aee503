"""What a scope costs a list: a caller who reads some rows and one who reads all list the same rows, in turns.

The application runs in this process, so that a turn of a few requests can be measured: slow moments of the machine meet
both callers alike. Neither the sealer nor the worker runs in it.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import httpx
from pydantic import SecretStr

from app.core.config import AuditSettings, Environment, JobSettings, RateLimitSettings, Settings
from app.main import Application, create_app
from scripts.bench.client import Request
from scripts.bench.databases import new_database
from scripts.bench.figures import markdown, median_ratio
from scripts.bench.in_process import call
from scripts.bench.targets import API, backends_of
from scripts.people import create_user, sign_in
from scripts.processes import running_seconds
from scripts.servers import Server, migrate, superuser
from tests.databases import Postgresql

TURNS, REQUESTS = 60, 8
"""How often the callers take turns in a round, and what each sends in a turn."""
OTHERS, LISTED = 300, 100
"""Rows outside the scope, and newer rows inside, which both callers list."""
LISTS = {
    "tasks": "/tasks?limit=50",
    "tasks by title": "/tasks?limit=50&sort=title",
    "customers": "/customers?limit=50",
}
"""`own` names the caller in one of two columns of a task, and in one column of a customer."""
Requests = Mapping[str, Mapping[str, Request]]
"""By list and scope."""


def grants(scope: str) -> list[dict[str, object]]:
    customers = {"module_slug": "customers", "can_create": True, "scope": scope, "actions": ["read-personal"]}
    return [{"module_slug": "tasks", "can_create": True, "scope": scope}, customers]


def customer(name: str) -> dict[str, str]:
    return {"first_name": name, "last_name": "Bench", "email": f"{name}@example.com"}


def create_rows(root: httpx.Client, own: httpx.Client, own_id: str) -> None:
    """Rows of others, and then those in the scope of a caller: half of the tasks created by, half assigned to."""
    for number in range(OTHERS):
        root.post("/tasks", json={"title": f"z {number}"}).raise_for_status()
        root.post("/customers", json=customer(f"other-{number}")).raise_for_status()
    for number in range(LISTED):
        creator = own if number % 2 else root
        creator.post("/tasks", json={"title": f"a {number}", "assignee_id": own_id}).raise_for_status()
        own.post("/customers", json=customer(f"own-{number}")).raise_for_status()


def prepare(environment: dict[str, str], folder: str) -> Requests:
    """Fill a database by a server, and return the requests of two callers. Raises RuntimeError if answers differ."""
    with (
        Server(environment).start(log=Path(folder, "server.log")) as server,
        sign_in(server, superuser(server)) as root,
    ):
        people = {scope: create_user(server, root, f"reads-{scope}", grants(scope)) for scope in ("all", "own")}
        clients = {scope: sign_in(server, person) for scope, person in people.items()}
        create_rows(root, clients["own"], people["own"]["id"])
        for path in LISTS.values():
            if len({str(client.get(path).raise_for_status().json()["items"]) for client in clients.values()}) > 1:
                raise RuntimeError(f"the callers list different rows: {path}")
        bearers = {scope: (("authorization", client.headers["Authorization"]),) for scope, client in clients.items()}
        server.terminate()
    return {
        name: {scope: Request("GET", f"{API}{path}", bearer) for scope, bearer in bearers.items()}
        for name, path in LISTS.items()
    }


async def spend(app: Application, request: Request, backends: Sequence[int]) -> float:
    """Microseconds of CPU that a request takes, here and in the processes of the database."""
    before = time.process_time() + sum(map(running_seconds, backends))
    for _ in range(REQUESTS):
        await call(app, request)
    return (time.process_time() + sum(map(running_seconds, backends)) - before) / REQUESTS * 1e6


async def gather_statistics(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("ANALYZE")
    await connection.close()


async def take_turns(environment: dict[str, str], requests: Requests, rounds: int) -> dict[str, dict[str, list[float]]]:
    """The CPU of each turn, by list and scope."""
    url = environment["DATABASE_URL"]
    settings = Settings(
        _env_file=None,
        environment=Environment.test,
        database_url=SecretStr(url),
        state_dir=Path(environment["STATE_DIR"]),
        rate_limit=RateLimitSettings(enabled=False),
        audit=AuditSettings(sealer="apart"),
        jobs=JobSettings(mode="table"),
    )
    if url.startswith("postgresql"):
        await gather_statistics(url)
    app = create_app(settings)
    found: dict[str, dict[str, list[float]]] = {name: {scope: [] for scope in pair} for name, pair in requests.items()}
    async with app.router.lifespan_context(app):
        for name, pair in requests.items():
            for request in pair.values():
                await spend(app, request, ())
            backends = await backends_of(url) if url.startswith("postgresql") else []
            for _ in range(rounds * TURNS):
                for scope in random.sample(list(pair), len(pair)):
                    found[name][scope].append(await spend(app, pair[scope], backends))
    return found


def compare_scoped_lists(backend: Postgresql, folder: str, rounds: int) -> str:
    """The CPU of a list in a scope, and its ratio to the same list without one."""
    rows = []
    with new_database(backend, "bench_scoped_lists") as url:
        for kind, address in (("SQLite", None), ("PostgreSQL", url)):
            place = f"{folder}/scoped-lists-{kind}"
            Path(place).mkdir()
            environment = migrate(place, address)
            found = asyncio.run(take_turns(environment, prepare(environment, place), rounds))
            for name, turns in found.items():
                cells = [f"{statistics.median(turns[scope]):.0f}" for scope in ("all", "own")]
                rows.append([f"{name}, {kind}", *cells, f"{median_ratio(turns['own'], turns['all']):.3f}"])
    return markdown(["50 rows, µs of CPU with the database", "all rows", "scope `own`", "ratio"], rows)
