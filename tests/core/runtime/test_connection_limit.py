"""Connections of one address: what is above the limit is closed, and nothing else."""

import asyncio
import fcntl
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.runtime.connection_limit import ConnectionLimit, open_descriptors

LIMIT = 2


class Listener:
    """A listening socket with clients of chosen addresses."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.listening = stack.enter_context(
            socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        )

    def connect(self, source: str) -> socket.socket:
        """A client of the IPv4 address `source`, accepted. The listening socket shows it as an IPv6 address."""
        client = socket.create_connection(("127.0.0.1", self.listening.getsockname()[1]), source_address=(source, 0))
        accepted, _ = self.listening.accept()
        self.stack.enter_context(accepted)
        return self.stack.enter_context(client)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with ExitStack() as stack:
        yield Listener(stack)


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


async def test_only_what_is_above_the_limit_is_closed(listener: Listener) -> None:
    many = [listener.connect("127.0.0.1") for _ in range(5)]
    few = [listener.connect("127.0.0.2") for _ in range(LIMIT)]

    await ConnectionLimit(LIMIT, lambda _: False).enforce()

    assert sum(is_open(client) for client in many) == LIMIT
    assert all(is_open(client) for client in few)


async def test_a_trusted_proxy_has_no_limit(listener: Listener) -> None:
    clients = [listener.connect("127.0.0.3") for _ in range(5)]

    await ConnectionLimit(LIMIT, lambda address: address == "127.0.0.3").enforce()

    assert all(is_open(client) for client in clients)


async def test_connections_that_the_process_made_itself_do_not_count(listener: Listener) -> None:
    """Such as those to the database: here both ends are in this process, and one of each is ours."""
    clients = [listener.connect("127.0.0.1") for _ in range(LIMIT)]

    await ConnectionLimit(LIMIT, lambda _: False).enforce()

    assert all(is_open(client) for client in clients)


async def test_a_sweep_needs_hardly_any_open_files(listener: Listener) -> None:
    clients = [listener.connect("127.0.0.1") for _ in range(20)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_descriptors()) + 2, hard))
    try:
        await ConnectionLimit(LIMIT, lambda _: False).enforce()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert sum(is_open(client) for client in clients) == LIMIT


async def test_a_sweep_keeps_the_locks_of_other_files(listener: Listener, tmp_path: Path) -> None:
    """Closing a duplicate of a file gives up its locks: another process then took the log of SQLite for abandoned."""
    path = tmp_path / "locked"
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        for _ in range(5):
            listener.connect("127.0.0.1")

        await ConnectionLimit(LIMIT, lambda _: False).enforce()

        program = f"import fcntl; fcntl.lockf(open({str(path)!r}, 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=asyncio.subprocess.DEVNULL)
        assert await other.wait() != 0, "the file is still locked"
