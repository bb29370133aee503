"""Limits the connections of one address to this process, whatever server accepted them."""

import os
import socket
import stat
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import structlog

from app.core.runtime.periodic_task import PeriodicTask

log = structlog.get_logger(__name__)

DESCRIPTORS = Path("/dev/fd")
"""The open files of the process, by number (Linux, macOS, BSD)."""
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
        with ExitStack() as stack:
            sockets = [stack.enter_context(found) for found in map(duplicate_socket, sorted(descriptors)) if found]
            for address, connections in connections_by_address(sockets).items():
                excess = connections[self.per_address :]
                if excess and not self.is_exempt(address):
                    for connection in excess:
                        with suppress(OSError):
                            connection.shutdown(socket.SHUT_RDWR)
                    log.warning("connections_closed", count=len(excess), limit=self.per_address)


def open_descriptors() -> list[int]:
    return [int(path.name) for path in DESCRIPTORS.iterdir()]


def duplicate_socket(descriptor: int) -> socket.socket | None:
    """A duplicate of the internet socket `descriptor`, so that it cannot become another file; None if it is none."""
    try:
        copy = os.dup(descriptor)
    except OSError:
        return None
    if not stat.S_ISSOCK(os.fstat(copy).st_mode):
        os.close(copy)
        return None
    found = socket.socket(fileno=copy)
    if found.family in INTERNET:
        return found
    found.close()
    return None


def connections_by_address(sockets: Iterable[socket.socket]) -> dict[str, list[socket.socket]]:
    """The connections to ports on which this process listens, by the address of the peer."""
    known = list(sockets)
    ports = {found.getsockname()[1] for found in known if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)}
    connections: dict[str, list[socket.socket]] = defaultdict(list)
    for found in known:
        if found.getsockname()[1] in ports:
            with suppress(OSError):  # a listening socket, or a connection that has ended, has no peer
                connections[found.getpeername()[0]].append(found)
    return connections
