"""Connections of one address: what is above the limit is closed, and nothing else."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.core.runtime.connection_limit import ConnectionLimit

LIMIT = 2


class Listener:
    """A listening socket with clients of chosen addresses."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def connect(self, source: str) -> socket.socket:
        """A client of the address `source`, accepted."""
        client = socket.create_connection(self.listening.getsockname(), source_address=(source, 0))
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
