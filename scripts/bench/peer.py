"""The processes of the peers: Python ones on granian, with the options of `python -m app serve`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from sqlalchemy import make_url

from app.core.config.groups import ServerSettings
from app.core.runtime.server import BACKLOG, HEAD_BYTES
from scripts.bench.install import PEERS, install_node, install_python
from scripts.servers import PATIENCE_SECONDS, ROOT, free_port

SERVER = ServerSettings()
GRANIAN = {
    "loop": "uvloop",
    "http": "1",
    "workers": "1",
    "backlog": str(BACKLOG),
    "backpressure": str(SERVER.connections),
    "http1-header-read-timeout": str(SERVER.header_seconds * 1000),
    "http1-buffer-size": str(HEAD_BYTES),
}
DJANGO_THREADS = 8
"""A synchronous application answers in threads, each with its own connection to the database."""


@dataclass(frozen=True)
class Program:
    """How a peer is started. `command` is made only when it is needed, because it may install something."""

    command: Callable[[int], list[str]]
    folder: Path = PEERS
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    """Arguments of the interpreter in `command` for what must run once before the start."""
    signs_in: bool = False


def granian(
    interpreter: Callable[[], Path], target: str, *options: str, interface: str = "asgi"
) -> Callable[[int], list[str]]:
    def command(port: int) -> list[str]:
        named = [text for name, value in GRANIAN.items() for text in (f"--{name}", value)]
        start = [str(interpreter()), "-m", "granian", "--interface", interface, "--no-ws", "--no-access-log"]
        return [*start, *named, *options, "--host", "127.0.0.1", "--port", str(port), target]

    return command


def node(script: str) -> Callable[[int], list[str]]:
    return lambda _port: ["node", str(install_node() / script)]


PROGRAMS = {
    "bare": Program(
        granian(lambda: Path(sys.executable), "scripts.bench.peers.fastapi_bare:app"), folder=ROOT, signs_in=True
    ),
    "fastify": Program(node("fastify_bare.js"), environment={"NODE_ENV": "production"}),
    "fastify+": Program(node("fastify_extras.js"), environment={"NODE_ENV": "production"}, signs_in=True),
    "litestar": Program(granian(install_python, "litestar_alchemy:app")),
    "django": Program(
        granian(
            install_python,
            "django_rest.api:application",
            "--blocking-threads",
            str(DJANGO_THREADS),
            interface="wsgi",
        ),
        environment={"DJANGO_SETTINGS_MODULE": "django_rest.settings", "PYTHONPATH": str(PEERS)},
        prepare=("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"),
    ),
}


class Peer:
    """A running peer, in a process group of its own."""

    def __init__(self, name: str, database_url: str, folder: str) -> None:
        self.name = name
        self.program = PROGRAMS[name]
        self.port = free_port()
        self.log = Path(folder, f"{name}.log")
        self.environment = {
            **os.environ,
            **libpq_variables(database_url),
            **self.program.environment,
            "DATABASE_URL": database_url,
            "STATE_DIR": folder,
            "PORT": str(self.port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started. Raises RuntimeError before the start."""
        if self.process is None:
            raise RuntimeError("not started")
        return self.process.pid

    def __enter__(self) -> Self:
        """Start, and wait until it is ready. Raises NotInstalled, RuntimeError."""
        command = self.program.command(self.port)
        options = {"cwd": self.program.folder, "env": self.environment}
        with self.log.open("ab") as log:
            if self.program.prepare:
                subprocess.run([command[0], *self.program.prepare], check=True, stdout=log, stderr=log, **options)  # type: ignore[call-overload]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)  # type: ignore[call-overload]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).is_success:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.name} did not become ready: {self.log.read_text()[-500:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def libpq_variables(url: str) -> dict[str, str]:
    """The environment variables by which clients of PostgreSQL find the database at `url`."""
    parts = make_url(url)
    host = parts.host or parts.query.get("host")
    found = {
        "PGHOST": host,
        "PGPORT": parts.port,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
    }
    return {name: str(value) for name, value in found.items() if value}
