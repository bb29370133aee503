"""A PostgreSQL whose locale has other capitals: ı for I and i for İ. The embedded server was built without ICU."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests.databases import BACKENDS, Backend, Postgresql
from tests.replicas import Postgres

EVERY_LOCALE = [*BACKENDS, "postgresql-tr"]
"""For tests of text: `pytest.mark.parametrize("backend", EVERY_LOCALE, indirect=True, scope="session")`."""
LOCALE = ("--locale-provider=icu", "--icu-locale=tr-TR", "--locale=C.UTF-8", "-E", "UTF8")


def programs() -> Path | None:
    """The folder of a PostgreSQL with ICU: that of the system, which Debian keeps out of the path."""
    found = shutil.which("postgres", path=os.pathsep.join(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))
    return Path(found).parent if found else None


class TurkishServer:
    """A server of its own, all of whose databases have the locale tr-TR."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            if os.environ.get("REQUIRE_ICU"):
                pytest.fail("there is no PostgreSQL with ICU")
            pytest.skip("needs a PostgreSQL with ICU: apt-get install postgresql")
        self.folder = Path(tempfile.mkdtemp(prefix="attest-turkish-"))
        self.server = Postgres(self.folder, programs=found)
        self.server.initialize(*LOCALE)
        self.server.start()

    @property
    def backend(self) -> Backend:
        return Postgresql(self.server.url())

    def stop(self) -> None:
        self.server.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)
