"""Fuzzes a real server with schemathesis, over the whole API, as a superuser: `make fuzz`."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from scripts.servers import ROOT, Server, migrate, superuser

CONFIGURATION = ROOT / "tests" / "fuzz" / "schemathesis.toml"
OF_EACH = 3
API = "/api/v1"


def sign_in(server: Server, credentials: dict[str, str]) -> httpx.Client:
    api = f"{server.url}{API}"
    form = {name: credentials[name] for name in ("username", "password")}
    token = httpx.post(f"{api}/auth/token", data=form).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=api, headers={"Authorization": f"Bearer {token}"})


def replace_password(server: Server, credentials: dict[str, str]) -> dict[str, str]:
    """The credentials of a new user after the first sign-in, at which the password must be changed."""
    fresh = {**credentials, "password": secrets.token_urlsafe(18)}
    with sign_in(server, credentials) as client:
        body = {"current_password": credentials["password"], "new_password": fresh["password"]}
        client.post("/auth/me/password", json=body).raise_for_status()
    return fresh


def collections(server: Server) -> list[str]:
    """The addresses of lists whose items have addresses of their own."""
    paths = httpx.get(f"{server.url}/openapi.json").raise_for_status().json()["paths"]
    lists = [path for path, item in paths.items() if f"{path}/{{id}}" in paths and "get" in item]
    shared = [path for path in lists if "{" not in path and not path.startswith(f"{API}/auth/")]
    return [path.removeprefix(API) for path in shared]


def populate(root: httpx.Client, lists: list[str]) -> tuple[dict[str, str], list[str]]:
    """Create a user without roles. Returns its credentials, and ids of items; a user, a role and a task are deleted."""
    password = secrets.token_urlsafe(18)

    def user(name: str) -> dict[str, Any]:
        return {"username": name, "email": f"{name}@example.com", "password": password}

    ids = []
    for path in lists:
        items = root.get(path, params={"limit": OF_EACH}).raise_for_status().json()["items"]
        ids += [item["id"] for item in items if isinstance(item["id"], str)]
    for path, body in (("/users", user("gone")), ("/roles", {"name": "Gone"}), ("/tasks", {"title": "Gone"})):
        created = root.post(path, json=body).raise_for_status().json()["id"]
        root.delete(f"{path}/{created}").raise_for_status()
        ids.append(created)
    nobody = user("nobody")
    return {**nobody, "id": root.post("/users", json=nobody).raise_for_status().json()["id"]}, ids


def fuzz(folder: str, options: list[str]) -> int:
    """Fuzz a server with demo data on a new SQLite database in `folder`. Returns schemathesis' exit code."""
    key = secrets.token_urlsafe(32)
    environment = {**migrate(folder), "INTERNAL__KEYS": json.dumps({"fuzzer": key})}
    seed = [sys.executable, "-m", "app", "seed", "--count", "20"]
    subprocess.run(seed, cwd=ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    with Server(environment).start(log=Path(folder) / "server.log") as server:
        root = superuser(server)
        with sign_in(server, root) as client:
            root["id"] = client.get("/auth/me").raise_for_status().json()["id"]
            nobody, ids = populate(client, collections(server))
        nobody = replace_password(server, nobody)
        people = {
            f"{who}_{name.upper()}": value
            for who, person in (("ROOT", root), ("NOBODY", nobody))
            for name, value in person.items()
        }
        known = {
            "PYTHONPATH": str(ROOT),
            "SERVER_URL": server.url,
            "FUZZ_KEY": key,
            "REAL_IDS": json.dumps(sorted({*ids} - {root["id"], nobody["id"]})),
        }
        program = str(Path(sys.executable).with_name("schemathesis"))
        command = [program, f"--config-file={CONFIGURATION}", "run", f"{server.url}/openapi.json", *options]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **people, **known}, check=False).returncode
        sign_in(server, root).close()  # fails if the run lost its account, which would make it worthless
        return code


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(folder, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
