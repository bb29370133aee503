"""What the kernel reports of connections that ended, and how many it had no room to report."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.core.runtime import ended_connections
from app.core.runtime.ended_connections import EndedConnection, EndedConnections


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def connect_and_close(listener: socket.socket, *, from_here: bool) -> tuple[str, str]:
    """A connection that one side closes first. Returns its peer as the server sees it."""
    client = socket.create_connection(listener.getsockname())
    accepted, (address, port) = listener.accept()
    client.sendall(b"data")
    accepted.recv(4)
    for side in (accepted, client) if from_here else (client, accepted):
        side.close()
    return address, str(port)


def next_of(ends: EndedConnections, port: int) -> EndedConnection:
    """The next connection to the port that ended; other programs have connections too."""
    while True:
        if (connection := ends.next()).port == port:
            return connection


@pytest.mark.parametrize("from_here", [True, False])
def test_an_end_tells_its_peer_and_who_closed_first(listener: socket.socket, from_here: bool) -> None:
    ends = EndedConnections()
    with closing(ends.kernel):
        peer = connect_and_close(listener, from_here=from_here)
        connection = next_of(ends, listener.getsockname()[1])

    assert connection.peer == peer
    assert connection.has_data
    assert connection.was_closed_here() is from_here


def test_ends_without_room_are_counted(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended_connections, "BUFFER_BYTES", 1)  # the kernel gives the least that it allows
    ends = EndedConnections()
    with closing(ends.kernel):
        first = 0
        while not first:  # the kernel tells of an end some time after it; the test would be timed out
            connect_and_close(listener, from_here=True)
            first = ends.count_dropped()

        with pytest.raises(OSError, match=os.strerror(errno.ENOBUFS)):
            ends.next()

        assert first + ends.count_dropped() == ends.dropped, "each is counted once; other connections end meanwhile"
