"""Where the CPU of a request goes, by parts, in process on PostgreSQL: `python -m scripts.bench.profile`.

The profiler samples the stack by CPU time, and gives each sample to the part of the innermost frame that belongs to
one. Everything below it, such as the JSON encoder, counts for the part that called it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from types import FrameType
from typing import Any

import uvloop

from app.main import API, Application, app
from scripts.bench.client import Request
from scripts.bench.databases import new_database, postgresql
from scripts.bench.document import write
from scripts.bench.figures import markdown
from scripts.bench.in_process import call, prepare
from scripts.servers import ROOT, Server, migrate, superuser

SAMPLE_SECONDS = 0.001
WARM = 100
SIGN_IN = "sign in"
FORM = ("content-type", "application/x-www-form-urlencoded")

PARTS = (
    ("driver", ("asyncpg/", "aiosqlite/")),
    ("SQLAlchemy: connections", ("sqlalchemy/pool/", "sqlalchemy/ext/asyncio/engine.py")),
    ("SQLAlchemy: building and compiling", ("sqlalchemy/sql/",)),
    ("SQLAlchemy: ORM session", ("sqlalchemy/orm/", "sqlalchemy/ext/asyncio/session.py")),
    ("SQLAlchemy: running statements, rows", ("sqlalchemy/",)),
    ("change entry", ("app/modules/audit/changes/",)),
    ("access entry", ("app/modules/audit/",)),
    ("repositories and sessions", ("app/core/db/", "sqlmodel/", "repository.py")),
    ("guard", ("app/core/http/guards.py", "app/core/http/preflight.py", "app/modules/rbac/", "app/core/security/")),
    ("guard", ("app/core/http/rate_limit.py", "app/modules/roles/", "app/modules/sessions/", "limits/")),
    ("routing", ("app/core/http/route_index.py", "app/core/http/root_path.py", "starlette/routing.py")),
    ("middleware", ("app/core/http/middleware.py", "app/core/http/client_address.py", "starlette/middleware/")),
    ("middleware", ("app/core/http/trace_context.py", "app/core/context.py", "app/core/http/probes.py")),
    ("encoding", ("fastapi/encoders.py", "fastapi/_compat/", "starlette/responses.py", "fastapi/responses.py")),
    ("encoding", ("app/core/http/answer", "app/core/http/etag.py", "app/core/fields/")),
    ("services and schemas", ("app/core/resources/", "app/modules/")),
    ("calling: dependencies, transaction, body", ("fastapi/", "app/core/http/", "starlette/", "app/main.py")),
)
"""Parts by the places of their frames; the first that fits counts."""
REST = "event loop, hashes, and the rest"
NAMES = (*dict.fromkeys(name for name, _ in PARTS), REST)


def part_of(filename: str) -> str | None:
    """The part to which a file belongs; None for one that works for its caller, such as those of Python itself."""
    place = filename.rpartition("site-packages/")[2].removeprefix(f"{ROOT}/")
    if place.endswith("/repository.py"):
        return "repositories and sessions"
    return next((name for name, places in PARTS if place.startswith(places)), None)


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


class Sampler:
    """Counts samples of the stack by part, while it is entered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.known: dict[str, str | None] = {}

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        for each in frames(frame):
            filename = each.f_code.co_filename
            if filename not in self.known:
                self.known[filename] = part_of(filename)
            if part := self.known[filename]:
                self.counts[part] += 1
                return
        self.counts[REST] += 1

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self.sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def __exit__(self, *_error: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


async def own_calls(app: Application, request: Request) -> int:
    """The calls of functions in `app` that one request makes. A coroutine that goes on is not called again."""
    seen: set[FrameType] = set()  # holds the frames, so that none is taken for another

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(f"{ROOT}/app/") and not code.co_name.startswith("<"):
            seen.add(frame)

    sys.setprofile(note)
    await call(app, request)
    sys.setprofile(None)
    return len(seen)


async def measure(seconds: float) -> None:
    """Print, as JSON, the µs of each part for each kind of request, and the own calls."""
    found: dict[str, Any] = {}
    async with app.router.lifespan_context(app):
        prepared = dict(await prepare(app))
        prepared[SIGN_IN] = [Request("POST", f"{API}/auth/token", (FORM,), os.environ["BENCH_SIGN_IN"].encode())]
        for kind, sent in prepared.items():
            requests = cycle(sent)
            for _ in range(WARM if kind != SIGN_IN else 5):
                await call(app, next(requests))
            sampler, number, started = Sampler(), 0, time.process_time()
            with sampler:
                while time.process_time() - started < seconds:
                    await call(app, next(requests))
                    number += 1
            spent = (time.process_time() - started) / number * 1e6
            shares = {name: count / sampler.counts.total() * spent for name, count in sampler.counts.items()}
            calls = min([await own_calls(app, next(requests)) for _ in range(5)])
            found[kind] = {"all": spent, "parts": shares, "calls": calls}
    print(f"={json.dumps(found)}", flush=True)


def describe(found: dict[str, Any]) -> str:
    """The table in Markdown: µs and shares."""
    rows = []
    for name in NAMES:
        values = [found[kind]["parts"].get(name, 0.0) for kind in found]
        totals = [found[kind]["all"] for kind in found]
        cells = [f"{value:.0f} ({value / total:.0%})" for value, total in zip(values, totals, strict=True)]
        if any(values):
            rows.append([name, *cells])
    rows.append(["all", *(f"{found[kind]['all']:.0f}" for kind in found)])
    rows.append(["calls of functions in `app`", *(str(found[kind]["calls"]) for kind in found)])
    return markdown(["CPU µs", *found], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of CPU, for each kind of request")
    parser.add_argument("--database-url", help="a database of PostgreSQL; default: an embedded server")
    parser.add_argument("--write", action="store_true", help="write the table to docs/benchmarks.md too")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        uvloop.run(measure(arguments.seconds))
        return
    command = [sys.executable, "-m", "scripts.bench.profile", "--measure", "--seconds", str(arguments.seconds)]
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql(arguments.database_url) as backend,
        new_database(backend, "bench_profile") as url,
    ):
        environment = migrate(folder, url)
        environment["BENCH_SIGN_IN"] = "&".join(map("=".join, superuser(Server(environment)).items()))
        environment = {**os.environ, **environment}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("="))  # others are of the log
    table = describe(json.loads(line[1:]))
    print(table)
    if arguments.write:
        write("profile", table)


if __name__ == "__main__":
    main()
