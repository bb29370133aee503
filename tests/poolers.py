"""A real PgBouncer in transaction mode, for tests."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import URL, make_url

from scripts.servers import free_port, wait_for_port

POOL_SIZE = 4

CONFIGURATION = """
[databases]
* = host={host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
"""


class PgBouncer:
    """`pgbouncer` in front of the server of `database_url`, with a pool of four connections for each database."""

    def __init__(self, database_url: str, pool_size: int = POOL_SIZE) -> None:
        self.server = make_url(database_url)
        self.pool_size = pool_size
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="attest-pgbouncer-"))
        self.folder.chmod(0o755)  # started by root, it runs as another user
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the same database by way of the pooler."""
        pooled: URL = self.server.set(host="127.0.0.1", port=self.port, query={})
        return pooled.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        host = str(self.server.query.get("host") or self.server.host)
        users = self.folder / "users"
        users.write_text(f'"{self.server.username}" "{self.server.password or ""}"\n')
        values = {"host": host, "server_port": self.server.port or 5432, "port": self.port, "users": users}
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(CONFIGURATION.format(pool_size=self.pool_size, **values))
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["pgbouncer", str(configuration)], stdout=log, stderr=log, user=user_of(host)
            )
        wait_for_port(self.port, self.process, self.folder / "log")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)


def user_of(host: str) -> str | None:
    """The user to run it as: it refuses to be root, and the socket of the embedded server belongs to its own user."""
    if os.geteuid() != 0:
        return None
    return Path(host).owner() if host.startswith("/") else "nobody"
