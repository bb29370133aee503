"""Starts real server processes, for tests and for programs that load or kill them."""

import asyncio
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from scripts.processes import children

ROOT = Path(__file__).parents[1]

PATIENCE_SECONDS = 120.0
"""How long a server may take to start or to stop, on a machine that is busy with other work."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a process accepts connections. Raises RuntimeError with its log where it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(log.read_text())


LAUNCHERS = {
    "granian": ("app", "serve"),
    "unlogged": ("scripts.bench.unlogged", "serve"),
    "uvicorn": ("uvicorn", "app.main:app", "--no-access-log", "--no-proxy-headers"),
}

UNLIMITED = {
    "SERVER__ADDRESS_CONNECTIONS": "1000000",
    "RATE_LIMIT__ENABLED": "false",
    "AUTH__ADDRESS_FAILURES": "1000000",
    "AUTH__ACCOUNT_FAILURES": "1000000",
}
"""Switches off the limits that load from one address would reach."""


class Server:
    """`python -m app serve` (granian), or uvicorn, in a process group of its own, on a migrated database."""

    def __init__(
        self,
        environment: dict[str, str],
        *,
        workers: int = 1,
        port: int | None = None,
        launcher: str = "granian",
        options: Sequence[str] = (),
    ) -> None:
        self.environment = {**os.environ, **environment}
        self.port = port or free_port()
        self.options = ["--port", str(self.port), "--workers", str(workers), *options]
        self.launcher = launcher
        self.certificate = environment.get("SERVER__TLS_CERTIFICATE")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client of this server trusts."""
        return ssl.create_default_context(cafile=self.certificate)

    @property
    def processes(self) -> list[int]:
        """The process ids of the server and its workers. Raises RuntimeError before the start."""
        if self.process is None:
            raise RuntimeError("not started")
        return [self.process.pid, *children(self.process.pid)]

    @property
    def worker(self) -> int:
        """The process id of the first worker, which answers the requests. Raises RuntimeError before the start."""
        return self.processes[:2][-1]

    def start(self, log: Path | None = None, seconds: float = PATIENCE_SECONDS, *, errors: Path | None = None) -> Self:
        """Start, and wait until it is ready. stdout goes to `log`, stderr to `errors` or also there.

        Raises RuntimeError.
        """
        command = [sys.executable, "-m", *LAUNCHERS[self.launcher], *self.options]
        log = log or Path(os.devnull)
        with log.open("ab") as output, (errors or log).open("ab") as error:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=error, start_new_session=True
            )
        trust = self.trust
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2, verify=trust).is_success:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        self.kill()
        raise RuntimeError("the server did not become ready")

    def kill(self) -> None:
        """Kill the server with SIGKILL, workers included."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end; returns the exit code."""
        if self.process is None:
            raise RuntimeError("not started")
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self if self.process else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process and self.process.poll() is None:
            self.kill()


def migrate(folder: str, database_url: str | None = None) -> dict[str, str]:
    """Migrate a database (a new SQLite file in `folder` unless a URL is given). Returns the environment of a server."""
    environment = {
        "ENVIRONMENT": "test",
        "STATE_DIR": f"{folder}/var",
        "DATABASE_URL": database_url or f"sqlite+aiosqlite:///{folder}/attest.db",
        **UNLIMITED,
    }
    subprocess.run([sys.executable, "-m", "app", "migrate"], cwd=ROOT, env={**os.environ, **environment}, check=True)
    return environment


def superuser(server: Server) -> dict[str, str]:
    """Create a superuser over the command line. Returns its credentials."""
    name, password = f"root-{secrets.token_hex(4)}", secrets.token_urlsafe(18)
    command = ["create-superuser", "--username", name, "--email", f"{name}@example.com"]
    environment = {**server.environment, "SUPERUSER_PASSWORD": password}
    subprocess.run(
        [sys.executable, "-m", "app", *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return {"username": name, "password": password}


async def walk(client: httpx.AsyncClient, path: str, params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Every item of a list, page by page."""
    cursor = None
    while True:
        page = await client.get(path, params={**params, "limit": 100, **({"cursor": cursor} if cursor else {})})
        for item in page.raise_for_status().json()["items"]:
            yield item
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return


@asynccontextmanager
async def signed_in(
    server: Server, credentials: dict[str, str] | None = None, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in with `credentials`, or as a new superuser."""
    credentials = credentials or await asyncio.to_thread(superuser, server)
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", **options) as client:
        response = await client.post("/auth/token", data=credentials)
        client.headers["Authorization"] = f"Bearer {response.raise_for_status().json()['access_token']}"
        yield client
