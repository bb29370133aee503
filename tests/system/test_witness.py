"""`python -m app witness`, as processes and over HTTP: two at once, restarts, kill -9, damage, and wrong options."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Self

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from app import cli
from app.core.runtime import logging
from app.modules.audit.seal.checkpoint import Cosigner
from app.modules.audit.seal.note import Note
from scripts.servers import PATIENCE_SECONDS, ROOT, free_port
from tests.modules.audit.seal.logs import MemoryLog, new_cosigner

pytestmark = pytest.mark.timeout(300)
NAME = "witness.example.com/w1"


class WitnessProcess:
    """A witness in a process group of its own."""

    def __init__(self, key: Path, logs: Sequence[MemoryLog], state: Path) -> None:
        self.url = ""
        self.options = [f"--key={key}", f"--name={NAME}", f"--state={state}"]
        self.options += [f"--log={log.signer.key}" for log in logs]

    def command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "app", "witness", *self.options, f"--port={port}"]

    def start(self) -> Self:
        """Start, and wait until it answers. Raises RuntimeError."""
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/add-checkpoint"
        self.process = subprocess.Popen(
            self.command(port), cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                httpx.get(self.url, timeout=2)
                return
            time.sleep(0.05)
        raise RuntimeError("the witness did not start")

    def kill(self) -> None:
        """Kill it with SIGKILL, its worker included, unless it has ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()

    def send(self, log: MemoryLog, old: int, new: int) -> httpx.Response:
        return httpx.post(self.url, content=bytes(log.request(old, new)), timeout=PATIENCE_SECONDS)


@contextmanager
def run(*witnesses: WitnessProcess) -> Iterator[None]:
    """Run witnesses while the block runs."""
    for witness in witnesses:
        witness.launch()
    try:
        for witness in witnesses:
            witness.wait()
        yield
    finally:
        for witness in witnesses:
            witness.kill()


@pytest.fixture
def cosigner() -> Cosigner:
    return new_cosigner(NAME)


@pytest.fixture
def key(cosigner: Cosigner, tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(cosigner.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog().grow(60)


@pytest.fixture
def witness(key: Path, log: MemoryLog, tmp_path: Path) -> Iterator[WitnessProcess]:
    witness = WitnessProcess(key, [log], tmp_path / "state")
    with run(witness):
        yield witness


def test_it_cosigns_what_grows_and_remembers_it_over_a_restart(
    witness: WitnessProcess, cosigner: Cosigner, log: MemoryLog
) -> None:
    fork = log.fork().grow(60)
    first, second = witness.send(log, 0, 20), witness.send(log, 20, 33)
    for size, answer in ((20, first), (33, second)):
        assert answer.status_code == 200
        assert Note.parse(bytes(log.checkpoint(size)) + answer.content).verify([cosigner.key])

    witness.process.terminate()
    printed, _ = witness.process.communicate(timeout=PATIENCE_SECONDS)
    assert f"Verifier key of this witness: {cosigner.key}\n" in printed.decode()
    witness.start()

    rollback, split, forged = witness.send(log, 0, 20), witness.send(fork, 33, 33), witness.send(fork, 33, 60)
    assert (rollback.status_code, rollback.headers["Content-Type"], rollback.text) == (409, "text/x.tlog.size", "33\n")
    assert (split.status_code, split.text) == (409, "33\n")
    assert forged.status_code == 422
    assert witness.send(log, 33, 60).status_code == 200


def test_of_two_views_at_two_processes_one_is_cosigned(key: Path, tmp_path: Path) -> None:
    logs = [MemoryLog(f"example.com/{number}").grow(9) for number in range(12)]
    forks = [log.fork().grow(9) for log in logs]
    first, second = (WitnessProcess(key, logs, tmp_path / "state") for _ in range(2))
    with run(first, second), ThreadPoolExecutor(8) as pool:
        requests = [
            (witness, view)
            for log, fork in zip(logs, forks, strict=True)
            for witness, view in ((first, log), (second, fork), (second, log), (first, fork))
        ]
        statuses = list(pool.map(lambda request: request[0].send(request[1], 0, 9).status_code, requests))

        for at, (log, fork) in enumerate(zip(logs, forks, strict=True)):
            of_log = sorted(statuses[at * 4 : at * 4 + 4])
            assert of_log == [200, 409, 409, 409]
            winner, loser = (log, fork) if first.send(log, 9, 9).status_code == 200 else (fork, log)
            assert second.send(winner, 9, 9).status_code == 200
            assert first.send(loser, 9, 9).status_code == second.send(loser, 9, 9).status_code == 409


def test_kill_9_loses_nothing_that_was_answered(witness: WitnessProcess, log: MemoryLog) -> None:
    log.grow(20_000)
    size = 0
    for pause in (0.05, 0.02):
        answered, is_begun = [size], Event()

        def submit(start: int = size, answered: list[int] = answered, is_begun: Event = is_begun) -> None:
            with suppress(httpx.TransportError), httpx.Client() as client:
                for old in count(start):
                    client.post(witness.url, content=bytes(log.request(old, old + 1))).raise_for_status()
                    answered.append(old + 1)
                    is_begun.set()

        thread = Thread(target=submit)
        thread.start()
        assert is_begun.wait(PATIENCE_SECONDS)
        time.sleep(pause)
        witness.kill()
        thread.join()
        witness.start()

        size = int(witness.send(log, 20_000, 20_000).text)
        assert size in {answered[-1], answered[-1] + 1}
        assert witness.send(log, size, size + 1).status_code == 200
        size += 1


def test_it_does_not_start_with_a_damaged_checkpoint(witness: WitnessProcess, log: MemoryLog, tmp_path: Path) -> None:
    assert witness.send(log, 0, 20).status_code == 200
    witness.kill()
    (path,) = (tmp_path / "state").glob("*.checkpoint")
    path.write_bytes(path.read_bytes().replace(b"\n20\n", b"\n10\n"))

    witness.launch()
    printed, _ = witness.process.communicate(timeout=PATIENCE_SECONDS)

    assert witness.process.returncode == 1
    assert printed.decode() == f"Refused: {path} is damaged: its checksum does not fit its content\n"


@pytest.mark.parametrize(
    ("position", "option", "reason"),
    [
        (0, "--key=missing.pem", "missing.pem cannot be read: No such file"),
        (1, "--name=a b", "the name of a key"),
        (2, "--state=/dev/null/state", "Not a directory"),
        (3, "--log=example.com/log", "the verifier key 'example.com/log' is malformed"),
    ],
)
def test_it_does_not_start_with_unusable_options(
    key: Path, log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, position: int, option: str, reason: str
) -> None:
    monkeypatch.setattr(logging, "configure", lambda *_: None)
    options = WitnessProcess(key, [log], tmp_path / "state").options
    options[position] = option

    refused = CliRunner().invoke(cli.cli, ["witness", *options])

    assert (refused.exit_code, type(refused.exception)) == (1, SystemExit), "refused, and not by a traceback"
    assert refused.stderr.startswith("Refused: ")
    assert reason in refused.stderr
