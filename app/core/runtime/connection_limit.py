"""Limits the connections of one address to this process, whatever server accepted them."""

import errno
import os
import socket
import stat
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from app.core.fields.ip_address import canonical_address, rate_limit_key
from app.core.runtime.periodic_task import PeriodicTask

log = structlog.get_logger(__name__)

DESCRIPTORS = Path("/dev/fd")
"""The open files of the process, by number (Linux, macOS, BSD)."""
Peer = tuple[str, int]
INTERNET = (socket.AF_INET, socket.AF_INET6)


SWEEP_SECONDS = 0.5


@asynccontextmanager
async def limit_connections(per_address: int, is_exempt: Callable[[str], bool]) -> AsyncIterator[None]:
    """Close the connections above the limit, twice a second, while the block runs."""
    limit = ConnectionLimit(per_address, is_exempt)
    task = PeriodicTask("limit connections", limit.enforce, SWEEP_SECONDS, max_delay=SWEEP_SECONDS)
    try:
        yield
    finally:
        await task.stop()


class ConnectionLimit:
    """Closes connections of an address that has more than `per_address` of them.

    No request tells of a connection that sends nothing, so it looks at the open sockets of the process.
    """

    def __init__(self, per_address: int, is_exempt: Callable[[str], bool]) -> None:
        self.per_address = per_address
        self.is_exempt = is_exempt

    async def enforce(self) -> bool:
        """Close what is above the limit. Returns False: the periodic task goes on."""
        descriptors = open_descriptors()
        if len(descriptors) > self.per_address:
            self.close_excess(descriptors)
        return False

    def close_excess(self, descriptors: Iterable[int]) -> None:
        """Close the connections with the highest descriptors, which are usually the newest."""
        for connections in connections_by_client(descriptors, self.is_exempt).values():
            excess = connections[self.per_address :]
            for descriptor, peer in excess:
                with internet_socket(descriptor) as found:
                    if found is not None and peer_of(found) == peer:
                        found.shutdown(socket.SHUT_RDWR)
            if excess:
                log.warning("connections_closed", count=len(excess), limit=self.per_address)


def open_descriptors() -> list[int]:
    return sorted(int(path.name) for path in DESCRIPTORS.iterdir())


def open_peers() -> Iterator[Peer]:
    """The other sides of all open connections of the process."""
    for found in open_sockets():
        if (peer := peer_of(found)) is not None:
            yield peer


def open_sockets() -> Iterator[socket.socket]:
    """The internet sockets of the process, each as a duplicate that is closed when the next one is asked for."""
    for descriptor in open_descriptors():
        with internet_socket(descriptor) as found:
            if found is not None:
                yield found


def is_listening(port: int) -> bool:
    """Whether this process accepts connections at the port."""
    return any(
        found.getsockname()[1] == port and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        for found in open_sockets()
    )


def connections_by_client(
    descriptors: Iterable[int], is_exempt: Callable[[str], bool]
) -> dict[str, list[tuple[int, Peer]]]:
    """The connections to ports on which this process listens: (descriptor, peer) by client, as rate limits count it."""
    ports: set[int] = set()
    peers: list[tuple[int, int, Peer]] = []
    for descriptor in descriptors:
        with internet_socket(descriptor) as found:
            if found is None:
                continue
            port, peer = found.getsockname()[1], peer_of(found)
            if peer is not None:
                peers.append((port, descriptor, peer))
            elif found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                ports.add(port)
    clients: dict[str, list[tuple[int, Peer]]] = defaultdict(list)
    for port, descriptor, peer in peers:
        address = canonical_address(peer[0])
        if port in ports and address is not None and not is_exempt(address):
            clients[rate_limit_key(address)].append((descriptor, peer))
    return clients


@contextmanager
def internet_socket(descriptor: int) -> Iterator[socket.socket | None]:
    """The internet socket `descriptor`; None if it is none. A duplicate, so that it cannot become another file.

    Only a socket is duplicated and closed: closing any descriptor of a file gives up the locks of this process on it
    (POSIX), those of SQLite too.
    """
    copy = duplicate_socket(descriptor)
    if copy is None:
        yield None
        return
    with socket.socket(fileno=copy) as found:
        yield found if found.family in INTERNET else None


def duplicate_socket(descriptor: int) -> int | None:
    """A duplicate of the socket `descriptor`; None where it is another kind of file, or closed."""
    try:
        if not is_socket(descriptor):
            return None
        copy = os.dup(descriptor)
    except OSError as error:
        if error.errno == errno.EBADF:
            return None
        raise
    return copy if is_socket(copy) else None  # a file that took its place meanwhile stays open, for its locks


def is_socket(descriptor: int) -> bool:
    return stat.S_ISSOCK(os.fstat(descriptor).st_mode)


def peer_of(found: socket.socket) -> Peer | None:
    """Address and port of the other side; None for a listening socket, and for a connection that has ended."""
    try:
        address, port = found.getpeername()[:2]
    except OSError:
        return None
    return address, port
