"""What the table does not show: SQLite, a second worker, sign-in beside its hash, memory."""

import random
import time
from collections.abc import Mapping
from contextlib import ExitStack

from app.core.security.passwords import contexts
from scripts.bench.databases import new_database
from scripts.bench.figures import Figures, markdown, median_of, median_ratio
from scripts.bench.targets import KINDS, PEER_CREDENTIALS, Target, attest, fill, measure, peer, serve_attest
from scripts.processes import children, memory
from scripts.servers import superuser
from tests.databases import Postgresql

CONNECTIONS = 16
MANY = 64
SOME_KINDS = ("get", "list 50", "create")
"""Bare updates fail on SQLite under load: they read, and find the database locked when they write."""
HASHES = 10

Turns = dict[str, list[Figures]]


def take_turns(targets: Mapping[str, Target], kind: str, connections: int, rounds: int, seconds: float) -> Turns:
    """Measure one kind of request on all targets, in random order in each round; the first round warms up."""
    turns: Turns = {name: [] for name in targets}
    for _ in range(rounds + 1):
        for name in random.sample(list(targets), len(targets)):
            turns[name].append(measure(targets[name], kind, connections, seconds))
    return {name: figures[1:] for name, figures in turns.items()}


def ratio(turns: Turns, one: str, other: str) -> str:
    return f"{median_ratio([each.rate for each in turns[one]], [each.rate for each in turns[other]]):.2f}"


def compare_on_sqlite(folder: str, rounds: int, seconds: float) -> str:
    """Attest's throughput on SQLite, and the ratio to bare on SQLite."""
    with (
        attest(f"{folder}/sqlite", None) as ours,
        peer("bare", folder, f"sqlite+aiosqlite:///{folder}/bare.db") as bare,
    ):
        rows = []
        for kind in SOME_KINDS:
            turns = take_turns({"attest": ours, "bare": bare}, kind, CONNECTIONS, rounds, seconds)
            rates = [f"{median_of(turns[name]).rate:.0f}/s" for name in turns]
            cpu = median_ratio([each.cpu for each in turns["bare"]], [each.cpu for each in turns["attest"]])
            rows.append([kind, *rates, ratio(turns, "attest", "bare"), f"{cpu:.2f}"])
    return markdown(["SQLite, 16 connections", "Attest", "bare", "throughput", "CPU"], rows)


def compare_workers(backend: Postgresql, folder: str, rounds: int, seconds: float) -> str:
    """The throughput of two workers, and the ratio to one."""
    with ExitStack() as stack:
        targets = {}
        for workers in (1, 2):
            url = stack.enter_context(new_database(backend, f"bench_workers_{workers}"))
            server = attest(f"{folder}/workers-{workers}", url, workers=workers)
            targets[str(workers)] = stack.enter_context(server)
        rows = []
        for kind in SOME_KINDS:
            turns = take_turns(targets, kind, MANY, rounds, seconds)
            rates = [f"{median_of(turns[name]).rate:.0f}/s" for name in targets]
            rows.append([kind, *rates, ratio(turns, "2", "1")])
    return markdown(["64 connections", "one worker", "two workers", "throughput"], rows)


def measure_sign_in(backend: Postgresql, folder: str, rounds: int, seconds: float) -> str:
    """The CPU of a sign-in, and what it costs beside the hash."""
    with (
        new_database(backend, "bench_sign_in") as url,
        new_database(backend, "bench_sign_in_bare") as bare_url,
        attest(f"{folder}/sign-in", url) as ours,
        peer("bare", folder, bare_url) as bare,
    ):
        hashes, turns = [], Turns(attest=[], bare=[])
        for _ in range(rounds):
            hashes.append(hash_microseconds())
            for name, target in (("attest", ours), ("bare", bare)):
                turns[name].append(measure(target, "sign in", 1, seconds))
    overhead = {name: median_ratio([each.cpu for each in figures], hashes) - 1 for name, figures in turns.items()}
    rows = [
        [name, f"{median_of(figures).cpu:.0f}", f"{median_of(figures).p50:.1f}", f"{overhead[name]:+.0%}"]
        for name, figures in turns.items()
    ]
    hash_row = ["the hash alone", f"{sorted(hashes)[len(hashes) // 2]:.0f}", "", ""]
    return markdown(["sign in, 1 connection", "CPU µs", "p50 ms", "beside the hash"], [*rows, hash_row])


def hash_microseconds() -> float:
    """The CPU of checking one password in this process."""
    known = contexts.hash(PEER_CREDENTIALS["password"])
    started = time.process_time()
    for _ in range(HASHES):
        contexts.verify(PEER_CREDENTIALS["password"], known)
    return (time.process_time() - started) / HASHES * 1e6


def measure_memory(backend: Postgresql, folder: str, seconds: float) -> str:
    """The memory of each worker after its start and after load of every kind."""
    with (
        new_database(backend, "bench_memory") as url,
        serve_attest(f"{folder}/memory", url, workers=2) as (target, server),
    ):
        workers = children(target.pid)
        at_start = [memory(pid).now for pid in workers]
        fill(target, superuser(server))
        for kind in KINDS:
            measure(target, kind, MANY, 3 * seconds)
        rows = [
            [f"worker {number}", f"{before:.0f}", f"{memory(pid).now:.0f}", f"{memory(pid).highest:.0f}"]
            for number, (pid, before) in enumerate(zip(workers, at_start, strict=True), 1)
        ]
        rows.append(["parent", f"{memory(target.pid).now:.0f}", "", ""])
    return markdown(["MiB", "at the start", "after load", "at most"], rows)
