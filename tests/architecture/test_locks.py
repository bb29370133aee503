"""Lock files pin everything by its hash, and name no address: an installation asks the registry in use."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NPM_PACKAGES = ("clients/generators", "clients/typescript", "scripts/bench/peers")
PIP_LOCKS = ["requirements.txt", "requirements-dev.txt", "clients/generators/requirements.txt"]


@pytest.mark.parametrize("folder", NPM_PACKAGES)
def test_an_npm_lock_has_hashes_and_no_addresses(folder: str) -> None:
    """An `.npmrc` with `omit-lockfile-registry-resolved=true` stands beside each."""
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]

    assert [path for path, package in packages.items() if "resolved" in package] == []
    assert [path for path, package in packages.items() if path and "integrity" not in package] == []


@pytest.mark.parametrize("name", PIP_LOCKS)
def test_a_pip_lock_has_hashes_and_no_addresses(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not any("://" in line or "index-url" in line for line in lines)
