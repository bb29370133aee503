"""Sends bodies that are refused (members, lists, form fields) and measures the CPU time that each costs the server.

The server must need less than 60 ms for a refused request to a public endpoint, and less than 150 ms for a mebibyte of
members at `POST /tasks` or in a line of an import.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from scripts.processes import cpu_seconds
from scripts.servers import Server, migrate, signed_in

PUBLIC_MS, SIGNED_IN_MS = 60.0, 150.0
"""The most CPU time of a refused request, in milliseconds: to a public endpoint, and to any other."""
REQUESTS = 8
"""Requests in one sample: the operating system counts CPU time in steps of 10 ms."""
MEBIBYTE = 1024 * 1024
CUT_OFF = 0
"""The status of a request whose connection the server closed before the body had arrived."""
JSON, FORM, NDJSON, CSV = "application/json", "application/x-www-form-urlencoded", "application/x-ndjson", "text/csv"


@dataclass(frozen=True)
class Attack:
    """A request that the server refuses, and the CPU time that it may cost."""

    name: str
    path: str
    media_type: str
    body: bytes
    limit_ms: float


@dataclass(frozen=True)
class Row:
    """What an attack cost: the median of its samples."""

    attack: str
    bytes: int
    status: int
    cpu_ms: float
    limit_ms: float

    @property
    def is_within_limit(self) -> bool:
        return (self.status == CUT_OFF or 400 <= self.status < 500) and self.cpu_ms < self.limit_ms


def members(size: int) -> bytes:
    """An object of unknown members, of `size` bytes."""
    return b"{" + b",".join(b'"m%06d":1' % number for number in range(size // 12)) + b"}"


def form_parts(count: int) -> tuple[str, bytes]:
    """The media type and the body of a form in parts."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    return "multipart/form-data; boundary=x", part * count + b"--x--\r\n"


def public_attacks() -> Iterator[Attack]:
    """Bodies at endpoints that need no sign-in."""
    refresh, token = "/auth/token/refresh", "/auth/token"
    for size in (8 * 1024, MEBIBYTE):
        yield Attack("members", refresh, JSON, members(size), PUBLIC_MS)
        yield Attack("empty lists", refresh, JSON, b"[" + b"[]," * (size // 3 - 2) + b"[]]", PUBLIC_MS)
        yield Attack("nested lists", refresh, JSON, b"[" * (size // 2) + b"]" * (size // 2), PUBLIC_MS)
        yield Attack("form fields", token, FORM, b"a&" * (size // 2), PUBLIC_MS)
        yield Attack("form fields with values", token, FORM, b"&".join([b"a=%41"] * (size // 6)), PUBLIC_MS)
        yield Attack("form parts", token, *form_parts(size // 53 - 1), PUBLIC_MS)


def signed_in_attacks() -> Iterator[Attack]:
    """Bodies at endpoints that only people who signed in reach."""
    object_of_members, small = members(MEBIBYTE - 16), members(11_000)
    invalid = b'{"create":[' + b",".join([small] * 10) + b"]}"
    yield Attack("members", "/tasks", JSON, object_of_members, SIGNED_IN_MS)
    yield Attack("unknown members in operations", "/tasks/bulk", JSON, invalid, SIGNED_IN_MS)
    yield Attack("empty lists", "/tasks", JSON, b"[" + b"[]," * 340_000 + b"[]]", SIGNED_IN_MS)
    yield Attack("empty objects", "/tasks/bulk", JSON, b'{"create":[' + b"{}," * 340_000 + b"{}]}", SIGNED_IN_MS)
    yield Attack("members in a line", "/tasks/import", NDJSON, object_of_members + b"\n", SIGNED_IN_MS)
    yield Attack("empty lists in a line", "/tasks/import", NDJSON, b"[" + b"[]," * 340_000 + b"[]]\n", SIGNED_IN_MS)
    yield Attack("columns of a header", "/tasks/import", CSV, b"a," * (MEBIBYTE // 2 - 8) + b"a\n1\n", SIGNED_IN_MS)
    yield Attack(
        "cells of a row", "/tasks/import", CSV, b"title\n" + b"a," * (MEBIBYTE // 2 - 8) + b"a\n", SIGNED_IN_MS
    )


async def measure(client: httpx.AsyncClient, pid: int, attack: Attack, idle: float, samples: int) -> Row:
    """Send `attack` again and again. The CPU time that the server needs anyhow (`idle` a second) is taken off."""
    costs, status, loop = [], 0, asyncio.get_running_loop()
    for _ in range(samples):
        began, before = loop.time(), cpu_seconds(pid)
        for _ in range(REQUESTS):
            status = await send(client, attack)
        spent = cpu_seconds(pid) - before - idle * (loop.time() - began)
        costs.append(max(0.0, spent) / REQUESTS * 1000)
    return Row(f"{attack.path} {attack.name}", len(attack.body), status, statistics.median(costs), attack.limit_ms)


async def send(client: httpx.AsyncClient, attack: Attack) -> int:
    """The status of the response to `attack`."""
    try:
        response = await client.post(attack.path, content=attack.body, headers={"Content-Type": attack.media_type})
    except httpx.TransportError:
        return CUT_OFF
    return response.status_code


async def idle_share(pid: int, seconds: float = 2.0) -> float:
    """The CPU time that the server needs in a second without requests."""
    before = cpu_seconds(pid)
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


async def run(base_url: str, pid: int, authorization: str, samples: int = 5) -> list[Row]:
    """Attack the server at `base_url`, whose process is `pid`. `authorization` is the header of a superuser."""
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", timeout=60) as client:
        idle = await idle_share(pid)
        rows = [await measure(client, pid, attack, idle, samples) for attack in public_attacks()]
        client.headers["Authorization"] = authorization
        return rows + [await measure(client, pid, attack, idle, samples) for attack in signed_in_attacks()]


async def run_alone(samples: int) -> list[Row]:
    """Attack a server of our own, on a new SQLite database."""
    with tempfile.TemporaryDirectory() as folder, Server(migrate(folder)) as server:
        async with signed_in(server) as client:
            return await run(server.url, server.worker, client.headers["Authorization"], samples)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=5)
    rows = asyncio.run(run_alone(parser.parse_args().samples))
    print(f"{'attack':<48} {'bytes':>9} {'status':>6} {'CPU ms':>7} {'limit':>6}")
    for row in rows:
        mark = "" if row.is_within_limit else "  !"
        print(f"{row.attack:<48} {row.bytes:>9} {row.status:>6} {row.cpu_ms:>7.1f} {row.limit_ms:>6.0f}{mark}")
    return int(not all(row.is_within_limit for row in rows))


if __name__ == "__main__":
    sys.exit(main())
