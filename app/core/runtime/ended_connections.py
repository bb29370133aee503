"""What the kernel (Linux) reports of TCP connections that ended, and what it still knows of them."""

import socket
import struct
import sys
from dataclasses import dataclass
from typing import Self

SOCK_DIAG, BY_FAMILY, REQUEST = 4, 20, 1
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
TCP_DESTROY, TCP6_DESTROY = 1, 3
"""From the kernel's headers: the protocol of netlink that describes sockets, and its groups for sockets that ended."""
SO_MEMINFO, MEMORY = 55, struct.Struct("=36x")
DROPS = slice(32, 36)
"""The option that describes the memory of a socket, and where it counts the messages that had no room."""
ENVELOPE = struct.Struct("=IHHII")
HEAD, ATTRIBUTE = struct.Struct("=16x BBxx 2s2s 16s16s 4x8s 20x"), struct.Struct("=HH")
"""`inet_diag_msg` behind the header of netlink: family, state, both ports and addresses, cookie. Attributes follow."""
QUESTION = struct.Struct("=BBBxI 2s2s 16s16s 4x8s")
"""`inet_diag_req_v2`: family, protocol, attributes, states, then the connection as above."""
ANY_COOKIE, ALL_STATES = b"\xff" * 8, 0xFFFFFFFF
LEAVING = {5, 6}
"""FIN-WAIT-2 and TIME-WAIT: what the side that closed a connection first keeps of it."""
TCP_INFO, SILENCE, BYTES_RECEIVED = 2, 52, 128
"""The attribute with `tcp_info`; where it holds milliseconds since the last data, and the number of bytes received."""
END_OF_STREAM = 1
"""The kernel counts the end of a stream as one byte."""
BUFFER_BYTES = 4 * 1024 * 1024
"""Room for what the kernel tells; it may give less."""
MESSAGE_BYTES = 4096

Peer = tuple[str, str]


@dataclass(frozen=True)
class EndedConnection:
    """A TCP connection that ended. The cookie is the kernel's number of the socket."""

    family: int
    ports: tuple[bytes, bytes]
    addresses: tuple[bytes, bytes]
    cookie: bytes
    has_data: bool
    silence: float
    """Seconds from the last data that came to the end."""

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Read a message of the kernel."""
        family, _, port, peer_port, address, peer_address, cookie = HEAD.unpack_from(message)
        information = attributes(message).get(TCP_INFO, b"")
        silence = int.from_bytes(information[SILENCE : SILENCE + 4], "little") / 1000
        received = int.from_bytes(information[BYTES_RECEIVED : BYTES_RECEIVED + 8], "little")
        return cls(family, (port, peer_port), (address, peer_address), cookie, received > END_OF_STREAM, silence)

    @property
    def port(self) -> int:
        return int.from_bytes(self.ports[0])

    @property
    def peer(self) -> Peer:
        """Address and port of the other side."""
        size = 4 if self.family == socket.AF_INET else 16
        return socket.inet_ntop(self.family, self.addresses[1][:size]), str(int.from_bytes(self.ports[1]))

    def was_closed_here(self) -> bool:
        """Whether this side closed it first; only for the seconds in which the kernel remembers that."""
        question = QUESTION.pack(
            self.family, socket.IPPROTO_TCP, 0, ALL_STATES, *self.ports, *self.addresses, ANY_COOKIE
        )
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
            kernel.send(ENVELOPE.pack(ENVELOPE.size + len(question), BY_FAMILY, REQUEST, 0, 0) + question)
            answer = kernel.recv(MESSAGE_BYTES)
        return ENVELOPE.unpack_from(answer)[1] == BY_FAMILY and HEAD.unpack_from(answer)[1] in LEAVING


def attributes(message: bytes) -> dict[int, bytes]:
    """The attributes of a message by their type."""
    found: dict[int, bytes] = {}
    position = HEAD.size
    while position + ATTRIBUTE.size <= len(message):
        length, kind = ATTRIBUTE.unpack_from(message, position)
        found[kind] = message[position + ATTRIBUTE.size : position + length]
        position += max(-(-length // 4) * 4, ATTRIBUTE.size)
    return found


class EndedConnections:
    """Tells of each TCP connection of the machine that ends. Raises OSError where the kernel does not."""

    def __init__(self) -> None:
        try:
            self.kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)
        except AttributeError as error:
            raise OSError("the system has no netlink") from error
        self.kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.kernel.bind((0, 0))
        for group in (TCP_DESTROY, TCP6_DESTROY):
            self.kernel.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        self.dropped = 0

    def next(self) -> EndedConnection:
        """Wait for the next one. Raises OSError with ENOBUFS when others before it had no room."""
        return EndedConnection.parse(self.kernel.recv(MESSAGE_BYTES))

    def count_dropped(self) -> int:
        """The number of connections of the machine that had no room since the last call."""
        drops = int.from_bytes(self.kernel.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMORY.size)[DROPS], sys.byteorder)
        before, self.dropped = self.dropped, drops
        return drops - before
