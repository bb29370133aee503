"""The server processes: granian, which limits what a peer may send before the application sees anything of it."""

import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from threading import Thread

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server import Server

from app.core.config import Environment, Settings
from app.core.runtime.refusals import Application, ConnectionWatch, count_refusals

BACKLOG = 1024
HEAD_BYTES = 64 * 1024
"""What the parser may buffer of a connection. LIMITS__HEADER_BYTES is what the application accepts of it."""
STREAMS = 100
PING_MILLISECONDS = 20_000
OTHER_FILES = 128
"""Files of a process that are no connections of clients: databases, Redis, the spool, libraries, uploads."""
WANTED_FILES = 16_384
"""Room for connections that wait for a TLS handshake, which granian does not count."""
ACCESS_LINE = '%(addr)s "%(method)s %(path)s" %(status)d'
LOGGERS = {name: {"level": "INFO", "propagate": True} for name in ("_granian", "granian.access")}
"""Without handlers of their own: the application's formatter writes these lines too."""
PARENT_SECONDS = 1.0


class StartRefused(Exception):
    """The server cannot start as it is configured."""


def serve(load: Callable[[], Application], settings: Settings, host: str, port: int) -> None:
    """Serve the ASGI application that `load` gives each worker until SIGTERM. Raises StartRefused."""
    options = settings.server
    allow_open_files(options.connections + settings.database.readers + settings.database.writers + OTHER_FILES)
    refuse_port_in_use(host, port)
    server = Server(
        "attest",
        address=host,
        port=port,
        workers=settings.workers,
        respawn_failed_workers=settings.workers > 1,
        log_level=LogLevels.info,
        log_dictconfig={"loggers": LOGGERS},
        log_access=settings.environment is Environment.development,
        log_access_format=ACCESS_LINE,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        websockets=False,
        backlog=BACKLOG,
        backpressure=options.connections,
        http=HTTPModes.auto if options.tls_certificate and options.http2 else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=options.header_seconds * 1000, max_buffer_size=HEAD_BYTES),
        http2_settings=HTTP2Settings(
            max_concurrent_streams=STREAMS, max_headers_size=HEAD_BYTES, keep_alive_interval=PING_MILLISECONDS
        ),
        ssl_cert=options.tls_certificate,
        ssl_key=options.tls_key,
        workers_kill_timeout=options.stop_seconds,
    )
    with count_refusals(settings.workers) as reports:
        watch = partial(ConnectionWatch, port=port, idle_seconds=options.header_seconds, reports=reports)
        loader = partial(load_application, load, os.getpid(), watch)
        server.serve(target_loader=loader, wrap_loader=False)


def allow_open_files(needed: int) -> None:
    """Raise the limit of open files to `needed` at least. Raises StartRefused where the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise StartRefused(
            f"RLIMIT_NOFILE allows {hard} open files, and SERVER__CONNECTIONS with the pool of the database needs "
            f"{needed}; raise the limit (ulimit -Hn) or lower the setting"
        )
    wanted = max(needed, WANTED_FILES) if hard == resource.RLIM_INFINITY else min(max(needed, WANTED_FILES), hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def refuse_port_in_use(host: str, port: int) -> None:
    """Raise StartRefused for an address that cannot be bound.

    Granian binds with SO_REUSEPORT, so that a second server would silently take a share of the connections.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise StartRefused(f"cannot listen on {host}:{port}: {error.strerror}") from error


def load_application(
    load: Callable[[], Application], parent: int, watch: Callable[[Application], ConnectionWatch]
) -> ConnectionWatch:
    """Load the application in a worker, which from now on ends with its parent process."""
    Thread(target=stop_with_parent, args=(parent,), daemon=True, name="stop with parent").start()
    return watch(load())


def stop_with_parent(parent: int) -> None:
    """Send SIGTERM to this process once its parent is gone: a killed parent does not tell its workers."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
