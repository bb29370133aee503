"""Counts connections that ended without an acceptable request: what the HTTP parser of the server refused.

The server answers such a request itself (400, 431) or closes the connection, and says so nowhere. The kernel (Linux)
reports the end of every TCP connection, and the application knows which connections brought a request. A worker cannot
see which connections the other workers had, so it reports every one that it did not serve; the parent process counts
those that all workers reported.
"""

import asyncio
import errno
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, Self

import structlog

from app.core.fields.ip_address import canonical_address
from app.core.runtime.connection_limit import open_peers

log = structlog.get_logger(__name__)

Application = Callable[..., Awaitable[None]]

SOCK_DIAG = 4
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
TCP_DESTROY, TCP6_DESTROY = 1, 3
"""From the kernel's headers: the protocol of netlink that describes sockets, and its groups for sockets that ended."""
HEAD, ATTRIBUTE = struct.Struct("=16x BBxx 2s2s 16x16s 4x8s 20x"), struct.Struct("=HH")
"""`inet_diag_msg` behind the header of netlink: family, state, both ports, the peer, cookie. Attributes follow."""
TCP_INFO, BYTES_RECEIVED = 2, 128
"""The attribute with `tcp_info`, and where it holds the number of bytes received."""
END_OF_STREAM = 1
"""The kernel counts the end of a stream as one byte."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Room for what the kernel tells; it may give less."""
COOKIE_BYTES = 8
GRACE_SECONDS = 1.0
"""How long a request may still wait for the event loop when its connection has ended."""
LOG_SECONDS = 1.0
MAX_VOTES = 10_000
"""After so many reported connections, those before them are forgotten."""
ADDRESSES = 5
"""The number of addresses in a line of the log."""

Peer = tuple[str, str]


@dataclass(frozen=True)
class EndedConnection:
    """A TCP connection that ended. The cookie is the kernel's number of the socket."""

    port: int
    peer: Peer
    cookie: bytes
    received: int

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Read a message of the kernel."""
        family, _, port, peer_port, peer, cookie = HEAD.unpack_from(message)
        address = socket.inet_ntop(family, peer[: 4 if family == socket.AF_INET else 16])
        information = attributes(message).get(TCP_INFO, b"")
        received = int.from_bytes(information[BYTES_RECEIVED : BYTES_RECEIVED + 8], "little")
        return cls(int.from_bytes(port), (address, str(int.from_bytes(peer_port))), cookie, received)


def attributes(message: bytes) -> dict[int, bytes]:
    """The attributes of a message by their type."""
    found: dict[int, bytes] = {}
    position = HEAD.size
    while position + ATTRIBUTE.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, position)
        found[kind] = message[position + ATTRIBUTE.size : position + length]
        position += max(-(-length // 4) * 4, ATTRIBUTE.size)
    return found


class ConnectionWatch:
    """An ASGI application in front of another one, which reports the connections that it did not serve to `reports`."""

    def __init__(self, application: Application, port: int, reports: socket.socket) -> None:
        self.application = application
        self.port = port
        self.reports = reports
        self.is_told = False
        """Whether the kernel reports the ends of connections; else nothing would ever leave `served`."""
        self.served: set[Peer] = set()

    def __call__(self, scope: dict[str, Any], receive: object, send: object) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            self.subscribe(asyncio.get_running_loop())
        elif self.is_told:
            self.served.add(scope["client"])
        return self.application(scope, receive, send)

    def subscribe(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask the kernel for the ends of connections, where it knows how (Linux)."""
        try:
            ends = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)
            ends.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            ends.bind((0, 0))
            for group in (TCP_DESTROY, TCP6_DESTROY):
                ends.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        except (AttributeError, OSError) as error:
            log.warning("refusals_not_counted", cause=str(error))
            return
        self.is_told = True
        Thread(target=self.watch, args=(ends, loop), daemon=True, name="watch connections").start()

    def watch(self, ends: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """Read what the kernel tells about the connections of the whole machine; runs in a thread of its own."""
        with suppress(RuntimeError):  # the loop has ended
            while True:
                try:
                    connection = EndedConnection.parse(ends.recv(4096))
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    loop.call_soon_threadsafe(self.forget_ended)
                else:
                    if connection.port == self.port:
                        loop.call_soon_threadsafe(self.end, connection, loop)

    def forget_ended(self) -> None:
        """Forget connections that ended while the kernel had no room to tell. They are not counted."""
        self.served.intersection_update((address, str(port)) for address, port in open_peers())

    def end(self, connection: EndedConnection, loop: asyncio.AbstractEventLoop) -> None:
        """Forget a connection that was served; report another that sent something, unless its request is late."""
        if connection.peer in self.served:
            self.served.discard(connection.peer)
        elif connection.received > END_OF_STREAM:
            loop.call_later(GRACE_SECONDS, self.report, connection)

    def report(self, connection: EndedConnection) -> None:
        """Tell the parent process."""
        if connection.peer in self.served:
            self.served.discard(connection.peer)
            return
        try:
            self.reports.send(connection.cookie + connection.peer[0].encode(), socket.MSG_DONTWAIT)
        except OSError as error:
            log.debug("refusal_not_reported", cause=str(error))


class RefusalCounter:
    """Counts the connections that each of the workers reported, and logs them at most once a second."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.votes: Counter[bytes] = Counter()
        self.older: Counter[bytes] = Counter()
        self.refused: Counter[str] = Counter()
        self.total = 0

    def run(self, reports: socket.socket) -> None:
        """Count until an empty report comes."""
        reports.settimeout(LOG_SECONDS)
        next_line = time.monotonic()
        report = None
        while report != b"":
            try:
                report = reports.recv(128)
                if report:
                    self.add(report[:COOKIE_BYTES], report[COOKIE_BYTES:].decode())
            except TimeoutError:
                report = None
            if time.monotonic() >= next_line or report == b"":
                self.write_line()
                next_line = time.monotonic() + LOG_SECONDS

    def add(self, cookie: bytes, address: str) -> None:
        """Count the report of one worker; that of a busy one may come late."""
        if len(self.votes) >= MAX_VOTES:
            self.votes, self.older = Counter(), self.votes
        self.votes[cookie] += 1
        if self.votes[cookie] + self.older[cookie] == self.workers:
            self.refused[canonical_address(address) or address] += 1

    def write_line(self) -> None:
        """Log what was refused since the last line."""
        count = self.refused.total()
        if not count:
            return
        self.total += count
        addresses = [f"{address} ({times})" for address, times in self.refused.most_common(ADDRESSES)]
        log.warning("connections_refused", count=count, total=self.total, addresses=addresses)
        self.refused.clear()


@contextmanager
def count_refusals(workers: int) -> Iterator[socket.socket]:
    """Log the connections without an acceptable request that workers report to the socket, while the block runs."""
    reports, counted = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reports, counted:
        thread = Thread(target=RefusalCounter(workers).run, args=(counted,), daemon=True, name="count refusals")
        thread.start()
        try:
            yield reports
        finally:
            reports.send(b"")
            thread.join()
