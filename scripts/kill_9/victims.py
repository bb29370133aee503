"""The processes that are killed, each of which can be started again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from scripts.processes import children
from scripts.servers import PATIENCE_SECONDS, ROOT, Server
from tests.databases import EmbeddedServer


class Victim(Protocol):
    """A process, or several."""

    name: str

    def kill(self) -> bool:
        """Send SIGKILL. Returns whether it was alive: whether the kill landed."""

    def start(self) -> None: ...


class Api:
    """The server of the API with its workers."""

    name = "API"

    def __init__(self, server: Server) -> None:
        self.server = server

    def kill(self) -> bool:
        process = self.server.process
        if process is None or process.poll() is not None:
            return False
        self.server.kill()
        return True

    def start(self) -> None:
        self.server.start()


class Sealer:
    """`python -m app seal`."""

    name = "sealer"

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> bool:
        is_alive = self.is_alive
        if self.process:
            self.process.kill()
            self.process.wait()
        return is_alive

    def start(self) -> None:
        command = [sys.executable, "-m", "app", "seal"]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=null, stderr=null)

    def stop(self) -> int:
        """Send SIGTERM; returns the exit code."""
        if self.process is None:
            raise RuntimeError("not started")
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


class Cluster:
    """A PostgreSQL server of its own, whose commits are written before they are acknowledged."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self.database = EmbeddedServer()
        self.database.server.psql("ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();")

    def kill(self) -> bool:
        postmaster = self.database.server.get_pid()
        if postmaster is None:
            return False
        os.kill(postmaster, signal.SIGSTOP)  # it must not start another process meanwhile
        processes = [postmaster, *children(postmaster)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(Path(f"/proc/{process}").exists() for process in processes):
            time.sleep(0.05)  # the package takes a zombie for a running server
        return True

    def start(self) -> None:
        """Start it again. Recovery may take longer than the package waits for."""
        for attempt in range(5):
            try:
                self.database.server.ensure_postgres_running()
            except subprocess.SubprocessError:
                if attempt == 4:
                    raise
            else:
                return
