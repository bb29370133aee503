"""Two server processes on one database: a revocation in one takes effect in the other."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import column, func, select, table

from app.core.config import Settings
from app.core.context import RequestContext
from app.main import open_database
from scripts.servers import PATIENCE_SECONDS, Server
from tests.fixtures.servers import superuser_in
from tests.people import FIRST_PASSWORD, PASSWORD


@pytest.fixture
def servers(settings: Settings, server: Server, tmp_path: Path) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A superuser in the first process, and a client for the second."""
    with Server(server.environment).start(log=tmp_path / "second.log") as second:
        credentials = asyncio.run(superuser_in(settings))
        with (
            httpx.Client(base_url=f"{server.url}/api/v1", timeout=PATIENCE_SECONDS) as first,
            httpx.Client(base_url=f"{second.url}/api/v1", timeout=PATIENCE_SECONDS) as other,
        ):
            pair = first.post("/auth/token", data=credentials).json()
            first.headers["Authorization"] = f"Bearer {pair['access_token']}"
            yield first, other


@dataclass
class Reader:
    """A user with a role, signed in through the second process."""

    user: str
    role: str
    client: httpx.Client
    headers: dict[str, str]

    def status(self, method: str, path: str, body: Any = None) -> int:
        return self.client.request(method, path, json=body, headers=self.headers).status_code


GRANTS: list[dict[str, Any]] = [
    {"module_slug": "tasks"},
    {"module_slug": "products", "actions": ["move-stock"]},
    {"module_slug": "customers", "actions": ["read-personal"]},
    {"module_slug": "audit"},
]


def person(root: httpx.Client, other: httpx.Client, name: str) -> Reader:
    """A reader who may move stock, and see personal data."""
    body = {"username": name, "email": f"{name}@example.com", "password": FIRST_PASSWORD}
    user = root.post("/users", json=body).json()["id"]
    role = root.post("/roles", json={"name": name}).json()["id"]
    root.put(f"/roles/{role}/modules", json={"modules": GRANTS}).raise_for_status()
    root.put(f"/users/{user}/roles", json={"role_ids": [role]}).raise_for_status()
    pair = other.post("/auth/token", data={"username": name, "password": FIRST_PASSWORD}).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    new = {"current_password": FIRST_PASSWORD, "new_password": PASSWORD}
    other.post("/auth/me/password", json=new, headers=headers).raise_for_status()
    return Reader(user, role, other, headers)


def until(status: int, ask: Callable[[], int]) -> float:
    """Seconds until the other process answers `status`; printed, because a busy machine may take longer than one."""
    started = time.monotonic()
    while (took := time.monotonic() - started) < PATIENCE_SECONDS:
        if ask() == status:
            return took
        time.sleep(0.01)
    raise AssertionError(f"still not {status} after {took:.0f} s")


def with_grants(root: httpx.Client, reader: Reader, **changed: dict[str, Any]) -> httpx.Response:
    """Give the role of a reader other grants of some modules."""
    modules = [{**grant, **changed.get(grant["module_slug"], {})} for grant in GRANTS]
    return root.put(f"/roles/{reader.role}/modules", json={"modules": modules})


ENDINGS: dict[str, tuple[int, str, Callable[[httpx.Client, Reader], httpx.Response]]] = {
    "session": (401, "task", lambda root, reader: root.delete(f"/users/{reader.user}/sessions")),
    "role": (403, "task", lambda root, reader: root.patch(f"/roles/{reader.role}", json={"is_active": False})),
    "all rows": (404, "task", lambda root, reader: with_grants(root, reader, tasks={"scope": "own"})),
    "action": (403, "movement", lambda root, reader: with_grants(root, reader, products={"actions": []})),
    "field": (403, "field", lambda root, reader: with_grants(root, reader, customers={"actions": []})),
    "user": (401, "task", lambda root, reader: root.patch(f"/users/{reader.user}", json={"is_active": False})),
}
"""What ends, what the other process then answers, and to which request."""


def requests_for(root: httpx.Client) -> dict[str, tuple[str, str, Any]]:
    """Requests that a reader may make. Sorting by a field asks for it."""
    task = root.post("/tasks", json={"title": "Of another"}).json()["id"]
    lamp = {"sku": "L-1", "name": "Lamp", "price": "19.90", "currency": "EUR"}
    product = root.post("/products", json=lamp).json()["id"]
    movement = {"delta": 1, "reason": "Delivered"}
    return {
        "task": ("GET", f"/tasks/{task}", None),
        "movement": ("POST", f"/products/{product}/stock-movements", movement),
        "field": ("GET", "/customers?sort=email", None),
    }


@pytest.mark.timeout(600)
def test_what_ends_in_one_process_ends_in_the_other(
    settings: Settings, servers: tuple[httpx.Client, httpx.Client]
) -> None:
    root, other = servers
    took: dict[str, float] = {}
    requests = requests_for(root)
    for cut in (False, True):
        for what, (status, asked, end) in ENDINGS.items():
            reader = person(root, other, f"{what}-{cut}".lower().replace(" ", "-"))
            ask = partial(reader.status, *requests[asked])
            assert ask() in (200, 201)
            if cut:
                asyncio.run(cut_listeners(settings))
            end(root, reader).raise_for_status()
            took[f"{what}{', listener cut' if cut else ''}"] = until(status, ask)

    print({name: f"{1000 * seconds:.0f} ms" for name, seconds in took.items()})  # noqa: T201  # the evidence, with -s
    assert len(took) == 2 * len(ENDINGS)


@pytest.mark.timeout(300)
def test_a_stream_in_the_other_process_ends(servers: tuple[httpx.Client, httpx.Client]) -> None:
    root, other = servers
    reader = person(root, other, "follower")

    with other.stream("GET", "/audit/feed/stream", headers=reader.headers) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        next(lines)
        root.patch(f"/roles/{reader.role}", json={"is_active": False}).raise_for_status()
        started = time.monotonic()
        with suppress(httpx.RemoteProtocolError):  # a response that breaks off
            for _ in lines:
                assert time.monotonic() - started < PATIENCE_SECONDS

    print(f"{1000 * (time.monotonic() - started):.0f} ms")  # noqa: T201  # the evidence, with -s
    assert reader.status("GET", "/audit/feed") == 403


ROWS, ROWS_PER_IMPORT = 8_000, 2_000
DESCRIPTION = "lamp " * 780
"""Of 3,900 characters: all rows are more than the buffers between a server and a reader who waits."""


def import_tasks(root: httpx.Client) -> None:
    for start in range(0, ROWS, ROWS_PER_IMPORT):
        tasks = [{"title": f"Lamp {start + i}", "description": DESCRIPTION} for i in range(ROWS_PER_IMPORT)]
        lines, headers = "\n".join(map(json.dumps, tasks)), {"Content-Type": "application/x-ndjson"}
        root.post("/tasks/import", content=lines, headers=headers).raise_for_status()


@pytest.mark.timeout(300)
def test_a_file_in_the_other_process_breaks_off(servers: tuple[httpx.Client, httpx.Client]) -> None:
    root, other = servers
    import_tasks(root)
    reader = person(root, other, "exporter")
    [task] = root.get("/tasks?limit=1").json()["items"]
    headers = {**reader.headers, "Accept": "text/csv", "Accept-Encoding": "identity"}
    received: list[int] = []

    with other.stream("GET", "/tasks", headers=headers) as file:
        assert file.status_code == 200
        with_grants(root, reader, tasks={"scope": "own"}).raise_for_status()
        until(404, partial(reader.status, "GET", f"/tasks/{task['id']}"))
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(map(len, file.iter_bytes()))

    assert 0 < sum(received) < ROWS * len(DESCRIPTION)


async def cut_listeners(settings: Settings) -> None:
    """End every connection that listens; on SQLite there is none."""
    if settings.is_sqlite:
        return
    database = open_database(settings)
    activity = table("pg_stat_activity", column("pid"), column("application_name"), column("datname"))
    cut: Any = select(func.pg_terminate_backend(activity.c.pid)).where(
        activity.c.application_name == "attest-listener", activity.c.datname == func.current_database()
    )
    reader, deadline = database.read_session(RequestContext.for_job("test")), time.monotonic() + PATIENCE_SECONDS
    while not await reader.all(cut):  # after the cut before this one they may not be back yet
        assert time.monotonic() < deadline, "no process listens"
        await asyncio.sleep(0.1)
    await database.dispose()
