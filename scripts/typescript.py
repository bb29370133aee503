"""Tests the TypeScript client, and what two more generators make of the document, against a real server.

`generate` renews what the client has from the document. Both need Node.js 20 and npm; `check` installs OpenAPI
Generator with a Java runtime of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.servers import ROOT, Server, migrate, superuser

CLIENT, GENERATORS = ROOT / "clients" / "typescript", ROOT / "clients" / "generators"
PYTHON_MODULES = GENERATORS / "python_modules"
TYPESCRIPT_FETCH = (
    *("generate", "--generator-name", "typescript-fetch", "--input-spec", str(ROOT / "docs" / "openapi.json")),
    *("--output", str(GENERATORS / "generated" / "openapi-generator")),
    "--additional-properties=importFileExtension=.js,supportsES6=true",
)


def npm(folder: Path, *command: str, **environment: str) -> None:
    """Run npm in `folder`. Raises CalledProcessError."""
    subprocess.run(["npm", *command], cwd=folder, env={**os.environ, **environment}, check=True)  # nosec B607  # the npm in use


def run_scripts(folder: Path, *names: str, **environment: str) -> None:
    """Run scripts of the package in `folder`. Raises CalledProcessError."""
    for name in names:
        npm(folder, "run", "--silent", name, **environment)


def generate_clients() -> None:
    """Generate and compile the clients of OpenAPI Generator and orval. Raises CalledProcessError."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--require-hashes", "--upgrade", "--target", str(PYTHON_MODULES)]
    subprocess.run([*pip, *options, "--requirement", str(GENERATORS / "requirements.txt")], check=True)
    environment = {**os.environ, "PYTHONPATH": str(PYTHON_MODULES)}
    command = [sys.executable, str(PYTHON_MODULES / "bin" / "openapi-generator-cli"), *TYPESCRIPT_FETCH]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    run_scripts(GENERATORS, "orval", "compile")


def check() -> None:
    """Lint the document, compile and test every client. Raises CalledProcessError."""
    npm(GENERATORS, "ci", "--silent")
    run_scripts(CLIENT, "lint", "check", "build", "test")
    generate_clients()
    with tempfile.TemporaryDirectory() as folder, Server(migrate(folder)) as server:
        who = superuser(server)
        account = {"API_URL": server.url, "API_USER": who["username"], "API_PASSWORD": who["password"]}
        run_scripts(CLIENT, "test:live", **account)
        run_scripts(GENERATORS, "drive", **account)


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
