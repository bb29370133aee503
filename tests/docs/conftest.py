"""A server with demo data for the examples of the documents."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo import demo_server


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that a reader sets: the passwords that seeding showed. `SERVER` is where the server is."""
    with demo_server(tmp_path_factory.mktemp("examples")) as demo:
        variables = {f"{name.upper()}_PASSWORD": password for name, password in demo.passwords.items()}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # `python` is one with our packages
        yield {"PATH": path, "SERVER": demo.url, **variables}
