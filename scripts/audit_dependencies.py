"""Asks an advisory service about every locked requirement, and fails on a known vulnerability.

That no service can be reached is printed, and is no failure: a build must be possible without a network.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FILES = ("requirements.txt", "requirements-dev.txt", "clients/generators/requirements.txt")
TIMEOUT_SECONDS = 5
KNOWN = "PYSEC-2023-228"
"""A vulnerability of pip 23.2. A service, or a mirror of one, that does not name it knows no advisories."""


@dataclass(frozen=True)
class Service:
    """An advisory service that pip-audit knows. The text at `probe` names `KNOWN`."""

    name: str
    probe: str
    options: tuple[str, ...]


OSV = Service("OSV", f"https://api.osv.dev/v1/vulns/{KNOWN}", ("--vulnerability-service", "osv"))


class Unreachable(Exception):
    """The service does not answer as an advisory service does."""


def check_reachable(service: Service) -> None:
    """Raise Unreachable, with the reason."""
    try:
        answer = httpx.get(service.probe, timeout=TIMEOUT_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        raise Unreachable(f"{service.name}: {type(error).__name__}") from error
    if not answer.is_success or KNOWN not in answer.text:
        raise Unreachable(f"{service.name}: no advisories, status {answer.status_code}")


def run_pip_audit(service: Service, files: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Audit the pinned and hashed requirements of `files`, without installing or resolving anything."""
    chosen = [option for file in files for option in ("--requirement", str(file))]
    command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--format", "json"]
    quiet = ["--progress-spinner", "off", "--timeout", str(TIMEOUT_SECONDS)]
    return subprocess.run([*command, *quiet, *service.options, *chosen], capture_output=True, text=True, check=False)


def findings(report: dict[str, Any]) -> list[str]:
    """One line for each known vulnerability."""
    return [
        f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or '-'}"
        for package in report["dependencies"]
        for found in package["vulns"]
    ]


def audit(service: Service, files: Sequence[str | Path]) -> list[str]:
    """The lines to print before the check fails; none if everything is well. Raises Unreachable."""
    check_reachable(service)
    done = run_pip_audit(service, files)
    try:
        return findings(json.loads(done.stdout))
    except ValueError:
        check_reachable(service)  # the service may have gone meanwhile
        return [f"pip-audit failed: {done.stderr.strip()}"]


def main(service: Service = OSV, files: Sequence[str | Path] = FILES) -> int:
    try:
        lines = audit(service, files)
    except Unreachable as reason:
        print(f"pip-audit: NOT AUDITED, the advisory service cannot be reached ({reason})")
        return 0
    print("\n".join(lines) or f"pip-audit: {service.name} knows no vulnerability of the locked requirements")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
