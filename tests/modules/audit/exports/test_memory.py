"""An export takes the same memory for a log of any length."""

import asyncio
import tracemalloc
from typing import Any

import pyarrow as pa
from fastapi import FastAPI

from app.modules.audit.sealer.logs import Log
from tests.modules.audit.exports.exported import NDJSON, PARQUET
from tests.modules.audit.sealer.followers import scope_of
from tests.modules.audit.sealer.sealed import change_values, past_the_application, seal_all, sealer_of
from tests.people import Person, SignedInAs

FEW, MANY = 4_000, 20_000
ALLOWED = 6 * 1024 * 1024
"""Bytes that four times as many entries may take more. They are 16 MB as NDJSON."""


async def peak_of(app: FastAPI, person: Person, kind: str, **filters: str) -> tuple[int, int]:
    """The bytes of memory that an export takes at most, in Python and in Arrow, and those that it sends."""
    sent, largest, is_asked = 0, pa.total_allocated_bytes(), False

    async def receive() -> dict[str, Any]:
        nonlocal is_asked
        if is_asked:
            await asyncio.Event().wait()  # the client stays
        is_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal sent, largest
        sent += len(message.get("body", b""))
        largest = max(largest, pa.total_allocated_bytes())

    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        await app(scope_of(person, "/audit/changes", {"accept": kind}, filters), receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak + largest - before, sent


LISTS: dict[str, dict[str, str]] = {NDJSON: {"entity": "task"}, PARQUET: {}}
"""One list is sorted, the other walked."""


async def test_memory_is_flat(app: FastAPI, signed_in_as: SignedInAs) -> None:
    database, auditor = app.state.database, await signed_in_as("audit:read")

    async def fill(count: int) -> None:
        async with past_the_application(database) as connection:
            await connection.execute(Log.changes.table.insert(), [change_values() for _ in range(count)])
            await connection.commit()
        await seal_all(sealer_of(database))

    async def peaks() -> dict[str, tuple[int, int]]:
        return {kind: await peak_of(app, auditor, kind, **filters) for kind, filters in LISTS.items()}

    await fill(1)
    await peaks()  # what is compiled and imported once
    await fill(FEW - 1)
    small = await peaks()
    await fill(MANY - FEW)
    large = await peaks()

    assert large[NDJSON][1] > 8_000_000
    assert large[PARQUET][1] > 250_000
    for kind in LISTS:
        assert large[kind][0] < small[kind][0] + ALLOWED, (kind, small, large)
