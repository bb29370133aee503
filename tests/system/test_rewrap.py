"""Many keys are rewrapped while a server writes, and the command is killed in the middle."""

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from app.core.clock import new_id, now
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.security.keys import MasterKey
from app.main import open_database
from app.modules.audit.changes.personal_data import SubjectKey, keys_table, unwrap, wrap
from scripts.servers import PATIENCE_SECONDS, UNLIMITED, Server, signed_in
from tests.fixtures.servers import environment_of
from tests.modules.audit.master_keys import (
    NEW,
    OLD,
    add_customer,
    caller_with,
    id_of,
    settings_with,
    shown_names,
    wrapped_keys,
)

ROOT = Path(__file__).parents[2]
MANY = 12_000
pytestmark = pytest.mark.timeout(300)


def start_rewrap(environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "app", "rewrap"]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


async def add_keys(database: Database) -> dict[object, bytes]:
    """Keys of many people, wrapped by the old master key."""
    old = MasterKey.derive(OLD, "personal-data")
    keys = [SubjectKey(new_id(), secrets.token_bytes(32)) for _ in range(MANY)]
    rows = [{"id": key.id, "subject_id": new_id(), "created_at": now(), **wrap(old, key)} for key in keys]
    async with database.unit_of_work(RequestContext.for_job("test", PATIENCE_SECONDS)) as session:
        await session.copy(keys_table, rows)
    return {key.id: key.key for key in keys}


async def count_rewrapped(database: Database) -> int:
    rewrapped = select(func.count()).select_from(keys_table).where(keys_table.c.master_key_id == id_of(NEW))
    return int(await database.read_session(RequestContext.for_job("test")).value(rewrapped))


async def kill_in_the_middle(process: "subprocess.Popen[str]", database: Database) -> int:
    """Kill the command once it has rewrapped some keys. Returns how many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while await count_rewrapped(database) < MANY // 10 and time.monotonic() < deadline:
        assert process.poll() is None, "it was faster"
    process.kill()
    process.communicate()
    return await count_rewrapped(database)


async def rename(client: httpx.AsyncClient, customer: str, stop: asyncio.Event) -> list[int]:
    """Change the customer until told to stop. Returns the statuses."""
    statuses: list[int] = []
    while not stop.is_set():
        answer = await client.patch(f"/customers/{customer}", json={"first_name": f"n{len(statuses)}"})
        statuses.append(answer.status_code)
    return statuses


async def test_a_rewrap_is_killed_and_run_again_while_a_server_writes(settings: Settings) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        customer = await add_customer(caller)
        people = len(await wrapped_keys(app.state.database))
    both = json.dumps([NEW, OLD])
    environment = environment_of(settings) | UNLIMITED | {"AUDIT__PERSONAL_KEY": both}
    database = open_database(settings_with(settings, NEW))
    keys = await add_keys(database)

    with Server(environment).start() as server:
        async with signed_in(server, timeout=PATIENCE_SECONDS) as client:
            before, stop = await count_rewrapped(database), asyncio.Event()
            writer = asyncio.create_task(rename(client, customer, stop))
            killed_at = await kill_in_the_middle(start_rewrap(environment), database)
            process = start_rewrap(environment)
            output, _ = await asyncio.to_thread(process.communicate)
            stop.set()
            statuses = await writer

    assert before < killed_at < MANY, "killed in the middle"
    assert process.returncode == 0
    assert set(statuses) == {200}
    assert len(statuses) >= 10
    left, total = re.findall(r"(\d+) of (\d+) keys were rewrapped", output)[0]
    assert (int(total), int(left)) == (MANY + people + before, MANY + people + before - killed_at)
    rows = {row.id: unwrap(database.keys.personal, row) for row in await wrapped_keys(database)}
    assert {number: key.key for number, key in rows.items() if key and number in keys} == keys
    assert None not in rows.values()
    await database.dispose()
    async with caller_with(settings, NEW) as (_, caller):
        assert len(await shown_names(caller, customer)) >= 10
