"""Counts connections that the HTTP parser of the server refused: at their first request, or at a later one.

The server answers such a request itself (400, 431) or closes the connection, and says so nowhere. The kernel (Linux)
reports the end of every TCP connection, and the application knows which connections brought a request, and which of
them the server had no reason to close. A worker cannot see which connections the other workers had, so it reports every
one that it did not serve; the parent process counts those that all workers reported.
"""

import asyncio
import errno
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import structlog

from app.core.fields.ip_address import canonical_address
from app.core.runtime.connection_limit import is_listening, open_peers
from app.core.runtime.ended_connections import EndedConnection, EndedConnections, Peer

log = structlog.get_logger(__name__)

Application = Callable[..., Awaitable[None]]

COOKIE_BYTES = 8
GRACE_SECONDS = 1.0
"""How long a request may still wait for the event loop, or its end, when its connection has ended."""
IDLE_MARGIN = 0.1
"""Seconds by which the server may close an idle connection too early."""
LOG_SECONDS = 1.0
MAX_VOTES = 10_000
"""After so many reported connections, those before them are forgotten."""
ADDRESSES = 10
"""The number of addresses in a line of the log."""


class ConnectionWatch:
    """An ASGI application in front of another one, which reports the connections that were refused to `reports`.

    `idle_seconds` is the time after which the server closes a connection that sends nothing.
    """

    def __init__(self, application: Application, port: int, idle_seconds: float, reports: socket.socket) -> None:
        self.application = application
        self.port = port
        self.idle_seconds = idle_seconds
        self.reports = reports
        self.is_told = False
        """Whether the kernel reports the ends of connections; else nothing would ever leave `served`."""
        self.served: dict[Peer, bool] = {}
        """The connections that brought a request, and whether the server has to keep them open."""

    def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: object) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            self.subscribe(asyncio.get_running_loop())
        elif self.is_told:
            return self.serve(scope, receive, send)
        return self.application(scope, receive, send)

    async def serve(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: object) -> None:
        """Pass a request on. The server may close its connection until it is answered, and its body was read."""
        peer = scope["client"]
        self.served[peer] = False
        body = WatchedBody(scope, receive)
        await self.application(scope, body.receive, send)
        if peer in self.served:
            self.served[peer] = body.is_read and stays_open(scope)

    def subscribe(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask the kernel for the ends of connections, where it knows how (Linux)."""
        try:
            ends = EndedConnections()
        except OSError as error:
            log.warning("refusals_not_counted", cause=str(error))
            return
        self.is_told = True
        Thread(target=self.watch, args=(ends, loop), daemon=True, name="watch connections").start()

    def watch(self, ends: EndedConnections, loop: asyncio.AbstractEventLoop) -> None:
        """Read what the kernel tells about the connections of the whole machine; runs in a thread of its own."""
        with suppress(RuntimeError):  # the loop has ended
            while True:
                try:
                    connection = ends.next()
                except OSError as error:
                    if error.errno != errno.ENOBUFS:
                        raise
                    log.warning("refusals_not_counted", connections=ends.count_dropped())
                    loop.call_soon_threadsafe(self.forget_ended)
                else:
                    if connection.port == self.port and connection.has_data:
                        loop.call_soon_threadsafe(loop.call_later, GRACE_SECONDS, self.judge, connection)

    def forget_ended(self) -> None:
        """Forget connections that ended while the kernel had no room to tell. They are not counted."""
        still_open = {(address, str(port)) for address, port in open_peers()}
        self.served = {peer: must_stay for peer, must_stay in self.served.items() if peer in still_open}

    def judge(self, connection: EndedConnection) -> None:
        """Report a connection that was not served, and one that the server closed without a reason that we know."""
        must_stay = self.served.pop(connection.peer, None)
        if must_stay is None or (must_stay and self.was_refused(connection)):
            self.report(connection)

    def was_refused(self, connection: EndedConnection) -> bool:
        """Whether the server closed a connection that it had to keep open, and does not stop."""
        is_idle = connection.silence >= self.idle_seconds - IDLE_MARGIN
        return not is_idle and connection.was_closed_here() and is_listening(self.port)

    def report(self, connection: EndedConnection) -> None:
        """Tell the parent process."""
        try:
            self.reports.send(connection.cookie + connection.peer[0].encode(), socket.MSG_DONTWAIT)
        except OSError as error:
            log.debug("refusal_not_reported", cause=str(error))


class WatchedBody:
    """The body of a request, and whether all of it was read."""

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> None:
        self.is_read = not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        self.receive = receive if self.is_read else self.receive_watched
        self.source = receive

    async def receive_watched(self) -> Any:
        """The next message of the server."""
        message = await self.source()
        self.is_read = self.is_read or (message["type"] == "http.request" and not message.get("more_body"))
        return message


def stays_open(scope: dict[str, Any]) -> bool:
    """Whether the connection of an answered request has to stay open.

    False with TLS too, where each side may say that it closes, and the other one then closes the connection.
    """
    if scope["http_version"] != "1.1" or scope["scheme"] != "http":
        return False
    return not any(name == b"connection" and b"close" in value.lower() for name, value in scope["headers"])


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
