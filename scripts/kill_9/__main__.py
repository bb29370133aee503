"""`python -m scripts.kill_9`: kills on SQLite (API, sealer) and PostgreSQL (API, sealer, the cluster itself)."""

import argparse
import asyncio
import sys
import tempfile
from uuid import uuid4

from scripts.kill_9.run import Result, Stage
from scripts.kill_9.victims import Cluster, Victim
from scripts.servers import Server, migrate, superuser


def run_on(url: str | None, workers: int, others: list[Victim], kills: int, seconds: float) -> Result:
    """Run on a new database."""
    with tempfile.TemporaryDirectory() as folder:
        environment = migrate(folder, url)
        credentials = superuser(Server(environment))
        return asyncio.run(Stage(environment, workers, others).run(credentials, kills, seconds))


def run_on_postgresql(kills: int, seconds: float) -> Result:
    """Run on a cluster that is killed too."""
    cluster, name = Cluster(), f"kill_9_{uuid4().hex}"
    try:
        cluster.database.server.psql(f'CREATE DATABASE "{name}";')
        url = cluster.database.server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")
        return run_on(url, 2, [cluster], kills, seconds)
    finally:
        cluster.database.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="on each database")
    parser.add_argument("--seconds", type=float, default=2.0, help="load before each kill, about")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    complaints = 0
    if options.only != "postgresql":
        result = run_on(None, 1, [], options.kills, options.seconds)
        print("SQLite:", *result.lines(), sep="\n  ", flush=True)
        complaints += len(result.complaints)
    if options.only != "sqlite":
        result = run_on_postgresql(options.kills, options.seconds)
        print("PostgreSQL:", *result.lines(), sep="\n  ", flush=True)
        complaints += len(result.complaints)
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
