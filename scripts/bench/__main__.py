"""Compare Attest with its peers: every figure is a ratio of servers that took turns on the same machine."""

import argparse
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack

from scripts.bench import parts
from scripts.bench.audit_cost import compare_cost
from scripts.bench.change_logs import compare_change_logs
from scripts.bench.console import measure_console
from scripts.bench.databases import postgresql
from scripts.bench.document import describe_machine, write
from scripts.bench.jobs import compare_modes
from scripts.bench.scoped_lists import compare_scoped_lists
from scripts.bench.table import describe, take_turns
from scripts.bench.targets import ATTEST, NAMES, start
from tests.databases import URL_VARIABLE, Postgresql

Part = Callable[[Postgresql, str, argparse.Namespace], str]


def measure_table(backend: Postgresql, folder: str, options: argparse.Namespace) -> str:
    """Attest and its peers, all kinds of requests."""
    names = tuple(name for name in NAMES if name in {ATTEST, *(options.only or NAMES)})
    machine = describe_machine(backend.version())
    with ExitStack() as stack:
        targets, absent = start(names, backend, folder, stack)
        turns = take_turns(targets, options.connections, options.rounds, options.seconds)
    return f"{machine}\n\n{describe(turns, absent, options.connections, options.rounds)}"


PARTS: dict[str, Part] = {
    "table": measure_table,
    "sqlite": lambda _backend, folder, options: parts.compare_on_sqlite(folder, options.rounds, options.seconds),
    "workers": lambda backend, folder, options: parts.compare_workers(backend, folder, options.rounds, options.seconds),
    "sign-in": lambda backend, folder, options: parts.measure_sign_in(backend, folder, options.rounds, options.seconds),
    "audit": lambda backend, folder, options: compare_cost(backend, folder, options.rounds, options.seconds),
    "change-logs": lambda backend, folder, options: compare_change_logs(backend, folder, options.rounds),
    "scoped-lists": lambda backend, folder, options: compare_scoped_lists(backend, folder, options.rounds),
    "console": lambda backend, folder, _options: measure_console(backend, folder),
    "jobs": lambda backend, folder, options: compare_modes(backend, folder, options.rounds),
    "memory": lambda backend, folder, options: parts.measure_memory(backend, folder, options.seconds),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="table", choices=(*PARTS, "all"))
    parser.add_argument("--only", nargs="+", choices=NAMES, help="peers of the table; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.7, help="seconds of a turn")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--short", action="store_true", help="one round of 0.4 s: an impression, no figures to keep")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/benchmarks.md too")
    parser.add_argument(
        "--database-url", default=os.environ.get(URL_VARIABLE), help="a PostgreSQL server; default: an embedded one"
    )
    options = parser.parse_args()
    if options.short:
        options.rounds, options.seconds = 1, 0.4
    with tempfile.TemporaryDirectory() as folder, postgresql(options.database_url) as backend:
        for name in PARTS if options.part == "all" else [options.part]:
            found = PARTS[name](backend, folder, options)
            print(found, end="\n\n", flush=True)
            if options.write:
                write(name, found)


if __name__ == "__main__":
    main()
