"""Attacks a server of its own and prints a table: what became of each attack, its price, and what others felt."""

import argparse
import asyncio
import os
import tempfile

from scripts.attack import connections, requests
from scripts.attack.observer import HEADER, observe
from scripts.servers import Server, migrate

ATTACKS = {**connections.ATTACKS, **requests.ATTACKS}
LIMITS = {
    "TRUSTED_PROXIES": '["127.0.0.1"]',
    "RATE_LIMIT__ENABLED": "true",
    "AUTH__ADDRESS_FAILURES": "25",
}
"""The limits as they are by default, with a proxy that is trusted for the attack that forges its headers."""


async def run(environment: dict[str, str], launchers: list[str], chosen: str) -> None:
    print(HEADER)
    for name, attack in ATTACKS.items():
        if chosen not in name:
            continue
        for launcher in launchers:
            limits = {} if attack in requests.ATTACKS.values() else {"TRUSTED_PROXIES": "[]"}
            with Server(environment | LIMITS | limits, launcher=launcher).start() as server:
                print(await observe(name, server, attack), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", default=["granian"], choices=["granian", "uvicorn"])
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = migrate(folder, arguments.database_url)
        environment.pop("SERVER__ADDRESS_CONNECTIONS")
        asyncio.run(run(environment, arguments.servers, arguments.only))


if __name__ == "__main__":
    main()
