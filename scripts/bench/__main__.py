"""Run the comparison: every figure is a ratio of two servers that took turns on the same machine."""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import httpx

from scripts.bench.client import Request, load
from scripts.processes import cpu_seconds
from scripts.servers import ROOT, Server, free_port, migrate, superuser

TASKS = 200
BARE_USER = {"username": "bench", "password": "a long and quiet river"}
JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass
class Target:
    """A running server and the requests to send it."""

    name: str
    port: int
    pid: int
    requests: dict[str, Request]


def prepare(name: str, port: int, pid: int, credentials: dict[str, str]) -> Target:
    """Sign in, create tasks, and build the requests."""
    sign_in = "&".join(f"{key}={value}" for key, value in credentials.items()).replace(" ", "+").encode()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        response = client.post("/api/v1/auth/token", content=sign_in, headers=dict([FORM]))
        bearer = ("Authorization", f"Bearer {response.raise_for_status().json()['access_token']}")
        for number in range(TASKS):
            created = client.post("/api/v1/tasks", json={"title": f"task {number}"}, headers=dict([bearer]))
        task = created.raise_for_status().json()["id"]
    body = json.dumps({"title": "bench", "description": "a few words"}).encode()
    requests = {
        "get one": Request("GET", f"/api/v1/tasks/{task}", (bearer,)),
        "list 50": Request("GET", "/api/v1/tasks?limit=50", (bearer,)),
        "create": Request("POST", "/api/v1/tasks", (bearer, JSON), body),
        "sign in": Request("POST", "/api/v1/auth/token", (FORM,), sign_in),
    }
    return Target(name, port, pid, requests)


def start_bare(environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "scripts.bench.bare:app", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/readyz")
            break
        except httpx.TransportError:
            time.sleep(0.05)
    return process, port


def measure(target: Target, name: str, connections: int, seconds: float) -> tuple[float, float]:
    """(requests a second, microseconds of server CPU a request)."""
    before, started = cpu_seconds(target.pid), time.perf_counter()
    answered = asyncio.run(load(target.port, target.requests[name], connections, seconds))
    used, elapsed = cpu_seconds(target.pid) - before, time.perf_counter() - started
    return answered / elapsed, used / answered * 1e6


def compare(targets: list[Target], rounds: int, connections: int, seconds: float) -> None:
    print(
        f"{'':8} {'attest':>16} {'bare':>16} {'throughput':>11} {'CPU':>6}   (medians of {rounds}, ratio attest/bare)"
    )
    for name in targets[0].requests:
        figures: dict[str, list[tuple[float, float]]] = {target.name: [] for target in targets}
        for _ in range(rounds):
            for target in targets:
                figures[target.name].append(measure(target, name, connections, seconds))
        medians = {
            key: [statistics.median(column) for column in zip(*rows, strict=True)] for key, rows in figures.items()
        }
        (ours, our_cpu), (bare, bare_cpu) = medians["attest"], medians["bare"]
        print(
            f"{name:8} {ours:6.0f}/s {our_cpu:5.0f} µs {bare:6.0f}/s {bare_cpu:5.0f} µs"
            f" {ours / bare:11.2f} {our_cpu / bare_cpu:6.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**migrate(folder, arguments.database_url), "ENVIRONMENT": "test"}
        with Server(environment).start() as server:
            process, port = start_bare(environment)
            try:
                targets = [
                    prepare("attest", server.port, server.worker, superuser(server)),
                    prepare("bare", port, process.pid, BARE_USER),
                ]
                compare(targets, arguments.rounds, arguments.connections, arguments.seconds)
            finally:
                process.terminate()
                process.wait()
            server.terminate()


if __name__ == "__main__":
    main()
