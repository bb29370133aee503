"""Installs what the peers need, below `var/bench`. They are no part of Attest's requirements."""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from scripts.servers import ROOT

PEERS = ROOT / "scripts/bench/peers"
FOLDER = ROOT / "var/bench"
NODE_FILES = ("package.json", "package-lock.json", ".npmrc", "*.js")


class NotInstalled(Exception):
    """A peer cannot be installed on this machine; the message says why."""


def install_python(name: str = "python", wanted: Path = PEERS / "requirements.txt") -> Path:
    """Install Python packages of peers into an environment of their own; returns its interpreter."""
    folder = FOLDER / name
    interpreter = folder / "bin/python"
    if is_current(folder, wanted):
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    run("python -m venv", [sys.executable, "-m", "venv", str(folder)])
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
    run("pip install", [str(interpreter), *install])
    mark_current(folder, wanted)
    return interpreter


def install_node() -> Path:
    """Copy the programs for Node.js to a folder with their packages; returns the folder."""
    folder, wanted = FOLDER / "node", PEERS / "package-lock.json"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotInstalled("Node.js with npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in NODE_FILES:
        for path in PEERS.glob(pattern):
            shutil.copy(path, folder)
    if not is_current(folder, wanted):
        run("npm ci", ["npm", "ci", "--silent"], folder)
        mark_current(folder, wanted)
    return folder


def run(name: str, command: list[str], folder: Path = ROOT) -> None:
    """Run an installer. Raises NotInstalled with the end of what it printed."""
    print(f"{name} …", file=sys.stderr)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"{name} failed: {(done.stderr or done.stdout).strip()[-200:]}")


def is_current(folder: Path, wanted: Path) -> bool:
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == digest(wanted)


def mark_current(folder: Path, wanted: Path) -> None:
    (folder / "installed").write_text(digest(wanted))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
