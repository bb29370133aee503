"""A server with demo data, as `make run` starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.servers import ROOT, Server, migrate

LIKE_MAKE_RUN = {"ENVIRONMENT": "development", "RATE_LIMIT__ENABLED": "true"}


@dataclass(frozen=True)
class Demo:
    """Where the server is, the passwords that seeding showed, by username, and the environment of its processes."""

    url: str
    passwords: dict[str, str]
    environment: Mapping[str, str]


@contextmanager
def demo_server(folder: Path, launcher: str = "granian", **settings: str) -> Iterator[Demo]:
    """Run a server on a new database in `folder` until the block ends; `settings` are environment variables."""
    environment = {**migrate(str(folder)), **LIKE_MAKE_RUN, **settings}
    seeded = subprocess.run(
        [sys.executable, "-m", "app", "seed", "--count", "20"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    passwords = dict(re.findall(r"^  (\w+) +(\S+)$", seeded.stdout, re.MULTILINE))
    with Server(environment, launcher=launcher).start(log=folder / "server.log") as server:
        yield Demo(server.url, passwords, environment)
