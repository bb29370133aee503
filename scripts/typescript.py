"""Tests the TypeScript client against a real server. `generate` renews what it has from the document.

Both need Node.js 20 and npm.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.servers import ROOT, Server, migrate, superuser

CLIENT = ROOT / "clients" / "typescript"


def npm(folder: Path, *command: str, **environment: str) -> None:
    """Run npm in `folder`. Raises CalledProcessError."""
    subprocess.run(["npm", *command], cwd=folder, env={**os.environ, **environment}, check=True)  # nosec B607  # the npm in use


def run_scripts(folder: Path, *names: str, **environment: str) -> None:
    """Run scripts of the package in `folder`. Raises CalledProcessError."""
    for name in names:
        npm(folder, "run", "--silent", name, **environment)


def check() -> None:
    """Lint the document, compile and test the client. Raises CalledProcessError."""
    run_scripts(CLIENT, "lint", "check", "build", "test")
    with tempfile.TemporaryDirectory() as folder, Server(migrate(folder)) as server:
        who = superuser(server)
        account = {"API_URL": server.url, "API_USER": who["username"], "API_PASSWORD": who["password"]}
        run_scripts(CLIENT, "test:live", **account)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("generate", "check"))
    command = parser.parse_args().command
    npm(CLIENT, "ci", "--silent")
    if command == "check":
        check()
    else:
        run_scripts(CLIENT, "generate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
