"""Writes with the change log beside those of libraries that keep one, each in its own process, in turns."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import make_url

from scripts.bench.databases import new_database
from scripts.bench.figures import markdown, median_ratio, percentile
from scripts.bench.install import PEERS, NotInstalled, install_python
from scripts.bench.targets import database_cpu
from scripts.servers import ROOT, migrate
from tests.databases import Postgresql

KINDS = {"create": 100, "update": 100, "create product": 100, "bulk of 100": 4}
"""The writes of a turn."""
WARMUP = 2
"""Rounds that do not count."""


@dataclass(frozen=True)
class Library:
    """A way to write, with a change log or without."""

    program: str
    """Its folder among the peers; empty for our own."""
    change_log: str
    requirements: str = ""

    def interpreter(self) -> Path:
        """The Python that runs it. Raises NotInstalled."""
        if not self.program:
            return Path(sys.executable)
        return install_python(self.requirements, PEERS / self.program / f"{self.requirements}.txt")


LIBRARIES = {
    "Attest, no log": Library("", "none"),
    "Attest": Library("", "attest"),
    "Django, no log": Library("django_logs", "none", "auditlog"),
    "django-auditlog": Library("django_logs", "auditlog", "auditlog"),
    "django-simple-history": Library("django_logs", "simple_history", "simple_history"),
    "django-pghistory": Library("django_logs", "pghistory", "pghistory"),
    "SQLAlchemy, no log": Library("continuum", "none", "continuum"),
    "SQLAlchemy-Continuum": Library("continuum", "continuum", "continuum"),
}


class Writer:
    """A process that writes when it is asked to."""

    def __init__(self, name: str, url: str, process: "subprocess.Popen[str]") -> None:
        self.name, self.url, self.process = name, url, process
        self.expect()

    def expect(self) -> str:
        """The next line that answers a question. Raises RuntimeError where the process ended."""
        output = pipe_of(self.process.stdout)
        while not (line := output.readline()).startswith("="):
            if not line:
                raise RuntimeError(f"{self.name} ended")
        return line[1:]

    def measure(self, kind: str, number: int) -> float:
        """µs of CPU for a write, in the process and in its connections to PostgreSQL."""
        before = database_cpu(self.url)
        questions = pipe_of(self.process.stdin)
        questions.write(json.dumps([kind, number]) + "\n")
        questions.flush()
        own = float(self.expect())
        database = sum(spent - before.get(pid, 0) for pid, spent in database_cpu(self.url).items())
        return (own + database) / number * 1e6


def pipe_of(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("no pipe")
    return pipe


def environment_of(library: Library, url: str, folder: str) -> Mapping[str, str]:
    """The environment of its process, whose tables are made."""
    parts = make_url(url)
    peer = {
        "PEER_DATABASE": str(parts.database),
        "PEER_USER": parts.username or "postgres",
        "PEER_HOST": str(parts.host or parts.query["host"]),
        "PEER_PORT": str(parts.port or ""),
    }
    ours = migrate(folder, url) if not library.program else {"PYTHONPATH": folder}
    return {**os.environ, **peer, **ours, "CHANGE_LOG": library.change_log}


@contextmanager
def start(name: str, library: Library, url: str, folder: str) -> Iterator[Writer]:
    """The process of a library. Raises NotInstalled, and RuntimeError where it does not start."""
    interpreter = library.interpreter()
    Path(folder).mkdir(parents=True)
    where: str | Path = ROOT
    module = "scripts.bench.unit_of_work"
    if library.program:
        copy_program(library.program, folder)
        where, module = folder, f"{library.program}.measure"
    with subprocess.Popen(
        [str(interpreter), "-m", module],
        cwd=where,
        env=environment_of(library, url, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Writer(name, url, process)
        finally:
            pipe_of(process.stdin).close()
            process.kill()


def copy_program(name: str, folder: str) -> None:
    """Copy a program to `folder`: Django writes its migrations beside the models."""
    target = Path(folder, name)
    (target / "migrations").mkdir(parents=True)
    (target / "migrations/__init__.py").touch()
    for path in (PEERS / name).glob("*.py"):
        (target / path.name).write_text(path.read_text())


def compare_change_logs(backend: Postgresql, folder: str, rounds: int) -> str:
    """The CPU of each write, and its ratio to that of Attest with its change log."""
    with ExitStack() as stack:
        writers, absent = [], []
        for number, (name, library) in enumerate(LIBRARIES.items()):
            url = stack.enter_context(new_database(backend, f"bench_logs_{number}"))
            try:
                writers.append(stack.enter_context(start(name, library, url, f"{folder}/logs-{number}")))
            except (NotInstalled, RuntimeError) as error:
                absent.append(f"{name} was not measured: {error}")
        turns = {kind: take_turns(writers, kind, rounds) for kind in KINDS}
    header = ["CPU µs with PostgreSQL (ratio to Attest)", *KINDS]
    rows = [[writer.name, *(cell(turns[kind], writer.name) for kind in KINDS)] for writer in writers]
    return "\n\n".join([markdown(header, rows), *absent])


def take_turns(writers: list[Writer], kind: str, rounds: int) -> dict[str, list[float]]:
    """Measure one kind of write on all, in random order in each round."""
    turns: dict[str, list[float]] = {writer.name: [] for writer in writers}
    for _ in range(rounds + WARMUP):
        for writer in random.sample(writers, len(writers)):
            turns[writer.name].append(writer.measure(kind, KINDS[kind]))
    return {name: values[WARMUP:] for name, values in turns.items()}


def cell(turns: dict[str, list[float]], name: str) -> str:
    """The median, and the ratio to Attest in the same rounds."""
    return f"{percentile(turns[name], 0.5):.0f} ({median_ratio(turns[name], turns['Attest']):.2f})"
