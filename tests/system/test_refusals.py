"""What the parser of the server refuses never reaches the application: it is counted and logged all the same."""

import re
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from app.core.config import Settings
from scripts.servers import PATIENCE_SECONDS, Server
from tests.fixtures.servers import environment_of

pytestmark = pytest.mark.timeout(300)
HEAD = b"GET /healthz HTTP/1.1\r\nHost: attest.test\r\n"
CHUNKED = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: attest.test\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "127.0.0.2": [b"garbage\r\n\r\n"],
    "127.0.0.3": [HEAD + b"X: y\r\n" * 200 + b"\r\n"],
    "127.0.0.4": [HEAD + b"X: " + b"y" * 1_000_000],
    "127.0.0.5": [HEAD],
    "127.0.0.6": [b"\x16\x03\x01\x02\x00\x01\x00"],
}
SERVED = {
    "127.0.0.11": [HEAD + b"\r\n"],
    "127.0.0.12": [HEAD + b"\r\n", HEAD + b"\r\n"],
    "127.0.0.13": [CHUNKED, b"no length\r\n"],
    "127.0.0.14": [],
}
"""An answer each, a bad body, which the application sees and logs, and a connection that sends nothing."""


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
def test_what_the_parser_refuses_is_counted_once(settings: Settings, tmp_path: Path, host: str) -> None:
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
        assert server.terminate() == 0

    assert counted(log) == dict.fromkeys(REFUSED, 1)
