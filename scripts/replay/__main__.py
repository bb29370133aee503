"""`python -m scripts.replay`: replay equality on SQLite, and on PostgreSQL with two workers."""

import argparse
import asyncio
import secrets
import sys

from scripts.bench.databases import new_database, postgresql
from scripts.replay.run import Report, run


async def run_all(requests: int, seed: int) -> list[Report]:
    """Run on both kinds of databases."""
    reports = [await run("SQLite, one process", None, workers=1, requests=requests, seed=seed)]
    print(*reports[-1].lines(), sep="\n", flush=True)
    with postgresql(None) as backend, new_database(backend, f"replay_{seed}") as url:
        reports.append(await run("PostgreSQL, two workers", url, workers=2, requests=requests, seed=seed))
    print(*reports[-1].lines(), sep="\n", flush=True)
    return reports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats the choices of a run")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    reports = asyncio.run(run_all(arguments.requests, arguments.seed))
    mismatches = sum(len(report.comparison.mismatches) for report in reports)
    print(f"{mismatches} mismatches")
    return bool(mismatches)


if __name__ == "__main__":
    sys.exit(main())
