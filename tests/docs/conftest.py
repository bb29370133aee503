"""A server with demo data, as `make run` starts it, for the examples of the documents."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.servers import ROOT, Server, migrate

LIKE_MAKE_RUN = {"ENVIRONMENT": "development", "RATE_LIMIT__ENABLED": "true"}


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that a reader sets: the passwords that seeding showed. `SERVER` is where the server is."""
    folder = tmp_path_factory.mktemp("examples")
    settings = {**migrate(str(folder)), **LIKE_MAKE_RUN}
    seeded = subprocess.run(
        [sys.executable, "-m", "app", "seed", "--count", "20"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    passwords = dict(re.findall(r"^  (\w+) +(\S+)$", seeded.stdout, re.MULTILINE))
    with Server(settings).start(log=folder / "server.log") as server:
        variables = {f"{name.upper()}_PASSWORD": password for name, password in passwords.items()}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # `python` is one with our packages
        yield {"PATH": path, "SERVER": server.url, **variables}
