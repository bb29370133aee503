"""Starts the product with `make run`, in an empty state, and drives one sign-in → task → audit flow over HTTP."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from scripts.servers import free_port

START_SECONDS = 60


def main() -> int:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "STATE_DIR": f"{folder}/var",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/var/attest.db",
        }
        command = ["make", "--no-print-directory", "run", f"PORT={port}"]
        log = Path(folder) / "log"  # no pipe: the server writes its log there too, and a full pipe would stop it
        with log.open("wb") as output, subprocess.Popen(command, env=environment, stdout=output) as server:
            try:
                password = read_password(server, log)
                flow(f"http://127.0.0.1:{port}", password)
            finally:
                server.terminate()
    print("smoke: sign-in, task and audit work over HTTP against `make run`")
    return 0


def read_password(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait for the administrator's password in the output of `make run`."""
    while True:
        has_ended = server.poll() is not None
        if found := re.search(r"^\s+admin\s+(\S+)\n", log.read_text(), re.MULTILINE):
            return found[1]
        if has_ended:
            raise RuntimeError(f"make run showed no credentials:\n{log.read_text()}")
        time.sleep(0.1)


def flow(base: str, password: str) -> None:
    with httpx.Client(base_url=base) as client:
        wait_for(client)
        token = client.post("/api/v1/auth/token", data={"username": "admin", "password": password})
        client.headers["Authorization"] = f"Bearer {token.raise_for_status().json()['access_token']}"
        created = client.post("/api/v1/tasks", json={"title": "Smoke"}, headers={"X-Request-ID": "smoke-1"})
        task = created.raise_for_status().json()
        changes = client.get("/api/v1/audit/changes", params={"request_id": "smoke-1"}).raise_for_status().json()
        accesses = client.get("/api/v1/audit/access", params={"request_id": "smoke-1"}).raise_for_status().json()
        recorded = [(row["entity_id"], row["actor_name"]) for row in changes["items"]]
        if recorded != [(task["id"], "admin")] or [row["status"] for row in accesses["items"]] != [201]:
            raise RuntimeError(f"the audit log does not show the task: {changes} {accesses}")


def wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not become ready")


if __name__ == "__main__":
    sys.exit(main())
