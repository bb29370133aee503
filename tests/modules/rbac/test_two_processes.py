"""Two server processes on one database: a revocation in one takes effect in the other."""

import asyncio
import time
from collections.abc import Callable, Iterator
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

OWN_TASKS = {"module_slug": "tasks", "scope": "own"}


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


def person(root: httpx.Client, other: httpx.Client, name: str, task: str) -> tuple[str, str, dict[str, str]]:
    """A reader of tasks, signed in through the second process: (user id, role id, headers)."""
    body = {"username": name, "email": f"{name}@example.com", "password": FIRST_PASSWORD}
    user = root.post("/users", json=body).json()["id"]
    role = root.post("/roles", json={"name": name}).json()["id"]
    root.put(f"/roles/{role}/modules", json={"modules": [{"module_slug": "tasks"}]}).raise_for_status()
    root.put(f"/users/{user}/roles", json={"role_ids": [role]}).raise_for_status()
    pair = other.post("/auth/token", data={"username": name, "password": FIRST_PASSWORD}).json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    new = {"current_password": FIRST_PASSWORD, "new_password": PASSWORD}
    other.post("/auth/me/password", json=new, headers=headers).raise_for_status()
    assert other.get(f"/tasks/{task}", headers=headers).status_code == 200
    return user, role, headers


def until(status: int, ask: Callable[[], httpx.Response]) -> float:
    """Seconds until the other process answers `status`; printed, because a busy machine may take longer than one."""
    started = time.monotonic()
    while (took := time.monotonic() - started) < PATIENCE_SECONDS:
        if ask().status_code == status:
            return took
        time.sleep(0.01)
    raise AssertionError(f"still not {status} after {took:.0f} s")


def end(root: httpx.Client, what: str, user: str, role: str) -> None:
    calls: dict[str, Callable[[], httpx.Response]] = {
        "session": lambda: root.delete(f"/users/{user}/sessions"),
        "role": lambda: root.patch(f"/roles/{role}", json={"is_active": False}),
        "all rows": lambda: root.put(f"/roles/{role}/modules", json={"modules": [OWN_TASKS]}),
        "user": lambda: root.patch(f"/users/{user}", json={"is_active": False}),
    }
    calls[what]().raise_for_status()


@pytest.mark.timeout(600)
def test_what_ends_in_one_process_ends_in_the_other(
    settings: Settings, servers: tuple[httpx.Client, httpx.Client]
) -> None:
    root, other = servers
    took: dict[str, float] = {}
    task = root.post("/tasks", json={"title": "Of another"}).json()["id"]
    for cut in (False, True):
        for what, status in (("session", 401), ("role", 403), ("all rows", 404), ("user", 401)):
            user, role, headers = person(root, other, f"{what}-{cut}".lower().replace(" ", "-"), task)
            if cut:
                asyncio.run(cut_listeners(settings))
            end(root, what, user, role)
            found = until(status, lambda headers=headers: other.get(f"/tasks/{task}", headers=headers))  # type: ignore[misc]
            took[f"{what}{', listener cut' if cut else ''}"] = found

    print({name: f"{1000 * seconds:.0f} ms" for name, seconds in took.items()})  # noqa: T201  # the evidence, with -s
    assert len(took) == 8


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
