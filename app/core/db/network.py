"""Connections to PostgreSQL whose network goes silent: both ends drop them instead of waiting for ever."""

import socket
from typing import Any

KEEPALIVE_PROBES = 3


def limit_silence(connection: Any, seconds: int) -> None:
    """Let the kernel drop an asyncpg connection after `seconds` without an answer from the other end."""
    found = connection._transport.get_extra_info("socket")  # noqa: SLF001  # asyncpg shows its socket nowhere else
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return
    every = max(seconds // (KEEPALIVE_PROBES + 1), 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", every),
        ("TCP_KEEPINTVL", every),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", seconds * 1000),
    ):
        if hasattr(socket, option):  # not every system has each of them
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def server_silence_settings(seconds: int) -> dict[str, str]:
    """The same for the server's end, which otherwise keeps the locks of a transaction whose client is gone."""
    every = max(seconds // (KEEPALIVE_PROBES + 1), 1)
    return {
        "idle_in_transaction_session_timeout": str(2 * seconds * 1000),
        "tcp_keepalives_idle": str(every),
        "tcp_keepalives_interval": str(every),
        "tcp_keepalives_count": str(KEEPALIVE_PROBES),
        "tcp_user_timeout": str(seconds * 1000),
    }
