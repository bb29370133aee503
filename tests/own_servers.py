"""PostgreSQL servers that one test module needs: with another locale, or to be killed."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests.databases import BACKENDS, Postgresql
from tests.replicas import Postgres

TURKISH, DURABLE = "postgresql-tr", "postgresql-durable"
EVERY_LOCALE = [*BACKENDS, TURKISH]
"""For tests of text: `pytest.mark.parametrize("backend", EVERY_LOCALE, indirect=True, scope="session")`."""
LOCALE = ("--locale-provider=icu", "--icu-locale=tr-TR", "--locale=C.UTF-8")


class OwnServer(Postgresql):
    """Databases of a server of its own, which is started for them."""

    def __init__(self, *options: str, setup: tuple[str, ...] = (), programs: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="attest-own-"))
        self.server = Postgres(self.folder, *options, programs=programs)
        self.server.initialize("-E", "UTF8", *setup)
        self.server.start()
        super().__init__(self.server.url())

    def stop(self) -> None:
        self.server.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def turkish_server() -> OwnServer:
    """A server whose locale has other capitals: ı for I and i for İ. The embedded server was built without ICU."""
    found = programs_with_icu()
    if found is None:
        if os.environ.get("REQUIRE_ICU"):
            pytest.fail("there is no PostgreSQL with ICU")
        pytest.skip("needs a PostgreSQL with ICU: apt-get install postgresql")
    return OwnServer(setup=LOCALE, programs=found)


def programs_with_icu() -> Path | None:
    """The folder of a PostgreSQL with ICU: that of the system, which Debian keeps out of the path."""
    found = shutil.which("postgres", path=os.pathsep.join(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))
    return Path(found).parent if found else None


def durable_server() -> OwnServer:
    """A server that loses nothing that was committed when it is killed."""
    return OwnServer("synchronous_commit = on")


OWN_SERVERS = {TURKISH: turkish_server, DURABLE: durable_server}
