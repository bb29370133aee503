"""CPU of a request without a server: this code, with many more routes, and beside another checkout, in turns.

`python -m scripts.bench.in_process --against ../other` compares two commits whose migrations are the same.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from operator import truediv
from pathlib import Path
from typing import Self

import uvloop
from starlette.types import Message, Scope

from app.core.http.guards import public
from app.core.http.router import Router
from app.main import API, Application, app
from scripts.bench.client import Request
from scripts.servers import ROOT, Server, migrate, superuser

TASKS = 60
MODULES = 240
"""Ten times the routes of the application, at five a module."""
HOST = (b"host", b"bench")
KINDS = ("get one", "list 50", "create", "update", "delete and restore")


class Subject:
    """A process with one application, which measures when it is told to."""

    def __init__(self, name: str, tree: Path, environment: dict[str, str], modules: int = 0) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, "--measure", str(modules)],
            cwd=tree,
            env={**os.environ, **environment, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, *question: str | int) -> float:
        """Microseconds of CPU for a request of the kind `question[0]`, over `question[1]` requests."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes")
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        while not (line := self.process.stdout.readline()).startswith("="):  # other lines are of its log
            if not line:
                raise RuntimeError(f"{self.name} ended")
        return float(line[1:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.communicate()


def add_modules(app: Application, number: int) -> None:
    """Include routers that come before those of the application, so that a scan tries them first."""
    own = list(app.router.routes)
    for count in range(number):
        router = Router(prefix=f"/more-{count}", about="One of many.")
        for path, method in (("", "GET"), ("", "POST"), ("/{id}", "GET"), ("/{id}", "PATCH"), ("/{id}", "DELETE")):

            async def endpoint() -> None:
                """Do nothing."""

            router.add_api_route(path, endpoint, methods=[method], dependencies=[public()])
        app.include_router(router, prefix=API)
    app.router.routes[:] = [*app.router.routes[len(own) :], *own]


async def call(app: Application, request: Request) -> bytes:
    """Send `request` as a server would, and return the body of the response. Raises RuntimeError where it failed."""
    path, _, query = request.path.partition("?")
    headers = [HOST, *((name.lower().encode(), value.encode()) for name, value in request.headers)]
    target: Scope = {"method": request.method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    ends: Scope = {"client": ("127.0.0.1", 4711), "server": ("bench", 80), "root_path": "", "state": {}}
    scope: Scope = {"type": "http", "http_version": "1.1", "scheme": "http", "headers": headers, **target, **ends}
    body, status = bytearray(), 0

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        body.extend(message.get("body", b""))

    await app(scope, receive, send)
    if status >= 400:
        raise RuntimeError(f"{request.method} {path} answered {status}")
    return bytes(body)


async def prepare(app: Application) -> dict[str, Sequence[Request]]:
    """Sign in, create tasks, and build the requests of each kind, which are sent in turn."""
    form = ("content-type", "application/x-www-form-urlencoded")
    pair = await call(app, Request("POST", f"{API}/auth/token", (form,), os.environ["BENCH_SIGN_IN"].encode()))
    headers = (("authorization", f"Bearer {json.loads(pair)['access_token']}"), ("content-type", "application/json"))
    body = json.dumps({"title": "bench", "description": "a few words"}).encode()
    create = Request("POST", f"{API}/tasks", headers, body)
    task = [json.loads(await call(app, create)) for _ in range(TASKS)][-1]
    get = Request("GET", f"{API}/tasks/{task['id']}", headers[:1])
    page = Request("GET", f"{API}/tasks?limit=50", headers[:1])
    path = f"{API}/tasks/{task['id']}"
    updates = [Request("PATCH", path, headers, json.dumps({"title": title}).encode()) for title in ("one", "two")]
    hidden = [Request("DELETE", path, headers), Request("POST", f"{path}/restore", headers)]
    return dict(zip(KINDS, ([get], [page], [create], updates, hidden), strict=True))


async def measure(modules: int) -> None:
    """Answer the questions that come over stdin, until it ends."""
    add_modules(app, modules)
    async with app.router.lifespan_context(app):
        requests = {name: cycle(found) for name, found in (await prepare(app)).items()}
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, number = json.loads(line)
            started = time.process_time()
            for _ in range(number):
                await call(app, next(requests[name]))
            print(f"={(time.process_time() - started) / number * 1e6}", flush=True)


def compare(subjects: list[Subject], rounds: int, number: int) -> None:
    """Print medians, and the medians of the ratios to the first subject in the same round."""
    print(
        f"{'CPU µs':20}" + "".join(f"{subject.name:>18}" for subject in subjects) + f"   (medians of {rounds} rounds)"
    )
    for name in KINDS:
        for subject in subjects:
            subject.ask(name, 2 * number)
        turns = []
        for _ in range(rounds):
            order = random.sample(subjects, len(subjects))  # a process that runs twice in a row finds warm caches
            spent = {subject.name: subject.ask(name, number) for subject in order}
            turns.append([spent[subject.name] for subject in subjects])
        columns = list(zip(*turns, strict=True))
        cells = [
            f"{statistics.median(column):10.0f} ({statistics.median(map(truediv, column, columns[0])):5.3f})"
            for column in columns
        ]
        print(f"{name:20}" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--number", type=int, default=25, help="requests of one kind in a turn")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        uvloop.run(measure(arguments.measure))
        return
    trees = {"this": (ROOT, 0), "10 x the routes": (ROOT, MODULES)}
    trees |= {"other": (arguments.against.resolve(), 0)} if arguments.against else {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        subjects = []
        for name, (tree, modules) in trees.items():
            Path(folder, name).mkdir()
            environment = migrate(f"{folder}/{name}", arguments.database_url)
            environment["BENCH_SIGN_IN"] = "&".join(map("=".join, superuser(Server(environment)).items()))
            subjects.append(stack.enter_context(Subject(name, tree, environment, modules)))
        compare(subjects, arguments.rounds, arguments.number)


if __name__ == "__main__":
    main()
