"""What the parser of the server refuses never reaches the application: it is counted and logged all the same."""

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from app.core.config import Settings
from app.core.runtime.refusals import GRACE_SECONDS
from scripts.servers import PATIENCE_SECONDS, Server
from tests.fixtures.servers import environment_of

pytestmark = pytest.mark.timeout(300)
HEAD = b"GET /healthz HTTP/1.1\r\nHost: attest.test\r\n"
POST = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: attest.test\r\n"
FORM = POST + b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "127.0.0.2": [b"garbage\r\n\r\n"],
    "127.0.0.3": [HEAD + b"X: y\r\n" * 200 + b"\r\n"],
    "127.0.0.4": [HEAD + b"X: " + b"y" * 1_000_000],
    "127.0.0.5": [HEAD],
    "127.0.0.6": [b"\x16\x03\x01\x02\x00\x01\x00"],
    "127.0.0.7": [HEAD + b"\r\n", b"garbage\r\n\r\n"],
    "127.0.0.8": [HEAD + b"\r\n" + b"garbage\r\n\r\n"],
    "127.0.0.9": [
        POST + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b",
        HEAD + b"X: y\r\n" * 200 + b"\r\n",
    ],
    "127.0.0.10": [HEAD + b"\r\n", HEAD, *[b"X: y\r\n"] * 5],
}
"""What no application sees: as the first request of a connection, and behind one that was answered.

The last one sends until shortly before the server closes: one that was silent for that long is not counted.
"""
SERVED = {
    "127.0.0.11": [HEAD + b"\r\n"],
    "127.0.0.12": [HEAD + b"\r\n", HEAD + b"\r\n"],
    "127.0.0.13": [CHUNKED, b"no length\r\n"],
    "127.0.0.14": [],
    "127.0.0.15": [HEAD + b"Connection: close\r\n\r\n"],
    "127.0.0.16": [HEAD.replace(b"1.1", b"1.0") + b"\r\n"],
    "127.0.0.17": [POST + b"Content-Length: 100000000\r\n\r\n"],
    "127.0.0.18": [POST + b"Content-Length: 2\r\n\r\n{}"],
}
"""Answers, bodies that the application refuses and logs, a connection that sends nothing, and reasons to close one."""


def send(server: Server, source: str, parts: Sequence[bytes]) -> None:
    """Send `parts` on a connection of the address `source`, and wait until the server closes it."""
    with socket.create_connection(
        ("127.0.0.1", server.port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
    ) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
                time.sleep(0.1)
        with suppress(ConnectionError):
            while connection.recv(4096):
                pass


def counted(log: Path) -> Counter[str]:
    """The refused connections by address, from the lines of the log; the last line has their number."""
    lines = [line for line in log.read_text().splitlines() if "connections_refused" in line]
    found: Counter[str] = Counter()
    for address, times in re.findall(r"'([0-9a-f.:]+) \((\d+)\)'", "\n".join(lines)):
        found[address] += int(times)
    totals = re.findall(r"total=(\d+)", "\n".join(lines))
    assert int(totals[-1] if totals else 0) == found.total()
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_only_what_the_parser_refuses_is_counted(settings: Settings, tmp_path: Path, host: str) -> None:
    log = tmp_path / "log"
    workers = 1 if settings.is_sqlite else 2
    environment = {**environment_of(settings), "SERVER__HEADER_SECONDS": "1"}
    with Server(environment, workers=workers, options=["--host", host]).start(log) as server:
        peers = SERVED | REFUSED
        with ThreadPoolExecutor(len(peers)) as pool:  # together, because the server lets some of them wait
            list(pool.map(partial(send, server), peers.keys(), peers.values()))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(counted(log)) < len(REFUSED) and time.monotonic() < deadline:
            time.sleep(0.1)
        with held_connections(server):
            stop = ThreadPoolExecutor(1).submit(server.terminate)
            time.sleep(2 * GRACE_SECONDS)
        assert stop.result() == 0

    assert counted(log) == dict.fromkeys(REFUSED, 1)


@contextmanager
def held_connections(server: Server) -> Iterator[None]:
    """An idle connection, which a server that stops closes, and an upload, for which it waits."""
    with ExitStack() as stack:
        for source, part in (("127.0.0.21", HEAD + b"\r\n"), ("127.0.0.22", CHUNKED)):
            held = socket.create_connection(("127.0.0.1", server.port), source_address=(source, 0))
            stack.enter_context(held).sendall(part)
        time.sleep(0.1)
        yield
