"""Lints the document, compiles the typed client, and drives a real server with it (needs Node.js 20 and npm)."""

import argparse
import os
import subprocess
import sys
import tempfile

from scripts.servers import ROOT, Server, migrate, superuser

CLIENT = ROOT / "clients" / "typescript"


def npm(*command: str, **environment: str) -> None:
    """Run npm on the client. Raises CalledProcessError."""
    subprocess.run(["npm", *command], cwd=CLIENT, env={**os.environ, **environment}, check=True)  # nosec B607  # the npm in use


def check() -> int:
    if '"resolved"' in (CLIENT / "package-lock.json").read_text():
        print("package-lock.json names a registry; install with the options of .npmrc")
        return 1
    for script in ("lint", "check"):
        npm("run", "--silent", script)
    with tempfile.TemporaryDirectory() as folder, Server(migrate(folder)) as server:
        who = superuser(server)
        npm("run", "--silent", "demo", API_URL=server.url, API_USER=who["username"], API_PASSWORD=who["password"])
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("generate", "check"))
    command = parser.parse_args().command
    npm("ci", "--silent")
    if command == "check":
        return check()
    npm("run", "--silent", "generate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
