"""What the audit log costs a request: servers without it, with it, sealed inside and apart, which take turns."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.client import Request
from scripts.bench.databases import new_database
from scripts.bench.figures import markdown, median_ratio, percentile
from scripts.bench.load import load
from scripts.bench.targets import API, LONG_TOKENS, TASK, Target, database_cpu, fill, total_cpu
from scripts.kill_9.victims import Sealer
from scripts.servers import Server, migrate, superuser
from tests.databases import Postgresql

CONNECTIONS = 8
SETTLE_SECONDS = 1.0
"""How long after the load its entries are still shipped and sealed."""
BULK = 100
KINDS = ("create", "update", "create product", f"bulk of {BULK}", "get", "list 50")


@dataclass(frozen=True)
class Variant:
    """How a server is started."""

    launcher: str = "granian"
    sealer: str = "apart"
    has_sealer: bool = False
    """Whether a sealer process runs beside it."""


OFF = "off"
VARIANTS = {
    OFF: Variant(launcher="unlogged"),
    "on, not sealed": Variant(),
    "sealed inside": Variant(sealer="inline"),
    "sealed apart": Variant(has_sealer=True),
}


@dataclass
class Subject(Target):
    """A server, with the sealer beside it."""

    sealers: list[int] = field(default_factory=list)

    @property
    def processes(self) -> list[int]:
        return [*super().processes, *self.sealers]


@contextmanager
def serve(name: str, variant: Variant, folder: str, url: str) -> Iterator[Subject]:
    """A server with rows, and its sealer."""
    Path(folder).mkdir(parents=True)
    environment = {**migrate(folder, url), **LONG_TOKENS, "AUDIT__SEALER": variant.sealer}
    credentials = superuser(Server(environment))
    with (
        Server(environment, launcher=variant.launcher).start(log=Path(folder, "server.log")) as server,
        ExitStack() as stack,
    ):
        if server.process is None:
            raise RuntimeError("not started")
        subject = Subject(name, server.port, server.process.pid, url)
        if variant.has_sealer:
            sealer = Sealer(environment)
            sealer.start()
            stack.callback(sealer.kill)
            subject.sealers = [sealer.process.pid] if sealer.process else []
        fill(subject, credentials)
        headers = subject.requests["create"][0].headers
        body = json.dumps({"create": [TASK] * BULK}).encode()
        subject.requests[KINDS[3]] = [Request("POST", f"{API}/tasks/bulk", headers, body)]
        time.sleep(2 * SETTLE_SECONDS)
        yield subject


def measure(subject: Subject, kind: str, seconds: float) -> float:
    """µs of CPU for a request, in the server, the sealer and their connections to PostgreSQL, until all is shipped."""
    before, backends = total_cpu(subject.processes), database_cpu(subject.database_url)
    sample = load(subject.port, subject.requests[kind], CONNECTIONS, seconds)
    time.sleep(SETTLE_SECONDS)
    after = database_cpu(subject.database_url)
    database = sum(spent - backends.get(pid, 0) for pid, spent in after.items())
    return (total_cpu(subject.processes) - before + database) / len(sample.latencies) * 1e6


def compare_cost(backend: Postgresql, folder: str, rounds: int, seconds: float) -> str:
    """The CPU of a request of each kind without the audit log, and the ratios with it."""
    with ExitStack() as stack:
        subjects = []
        for number, (name, variant) in enumerate(VARIANTS.items()):
            url = stack.enter_context(new_database(backend, f"bench_cost_{number}"))
            subjects.append(stack.enter_context(serve(name, variant, f"{folder}/cost-{number}", url)))
        rows = [describe_turns(kind, take_turns(subjects, kind, rounds, seconds)) for kind in KINDS]
    return markdown([f"CPU with PostgreSQL, {CONNECTIONS} connections", f"{OFF}, µs", *list(VARIANTS)[1:]], rows)


def take_turns(subjects: list[Subject], kind: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measure all in random order in each round; the first round warms up."""
    turns: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds + 1):
        for subject in random.sample(subjects, len(subjects)):
            turns[subject.name].append(measure(subject, kind, seconds))
    return {name: values[1:] for name, values in turns.items()}


def describe_turns(kind: str, turns: dict[str, list[float]]) -> list[str]:
    """A row of the table: microseconds, then ratios."""
    off = turns[OFF]
    ratios = [f"{median_ratio(values, off):.2f}" for name, values in turns.items() if name != OFF]
    return [kind, f"{percentile(off, 0.5):.0f}", *ratios]
