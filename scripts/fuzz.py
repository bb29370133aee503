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

from scripts.people import API, create_user, sign_in
from scripts.servers import ROOT, Server, migrate, superuser

CONFIGURATION = ROOT / "tests" / "fuzz" / "schemathesis.toml"
OF_EACH = 3


def collections(server: Server) -> list[str]:
    """The addresses of lists whose items have addresses of their own."""
    paths = httpx.get(f"{server.url}/openapi.json", timeout=60).raise_for_status().json()["paths"]
    lists = [path for path, item in paths.items() if f"{path}/{{id}}" in paths and "get" in item]
    shared = [path for path in lists if "{" not in path and not path.startswith(f"{API}/auth/")]
    return [path.removeprefix(API) for path in shared]


def populate(root: httpx.Client, lists: list[str]) -> list[str]:
    """The ids of some items of each list, and of a user, a role and a task that are deleted."""
    gone = {"username": "gone", "email": "gone@example.com", "password": secrets.token_urlsafe(18)}
    ids = []
    for path in lists:
        items = root.get(path, params={"limit": OF_EACH}).raise_for_status().json()["items"]
        ids += [item["id"] for item in items if isinstance(item["id"], str)]
    for path, body in (("/users", gone), ("/roles", {"name": "Gone"}), ("/tasks", {"title": "Gone"})):
        created = root.post(path, json=body).raise_for_status().json()["id"]
        root.delete(f"{path}/{created}").raise_for_status()
        ids.append(created)
    return ids


def grants_in_scopes(root: httpx.Client) -> list[dict[str, Any]]:
    """Everything in a scope of each module that has one, and what products need beside it."""
    modules = root.get("/modules").raise_for_status().json()["items"]
    flags = dict.fromkeys(("can_create", "can_update", "can_delete"), True)
    scoped = [
        {
            "module_slug": module["slug"],
            "actions": [action["name"] for action in module["actions"]],
            "scope": module["scopes"][0]["name"],
            **flags,
        }
        for module in modules
        if module["scopes"]
    ]
    return [*scoped, {"module_slug": "brands", **flags}]


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
            ids = populate(client, collections(server))
            people = {
                "ROOT": root,
                "NOBODY": create_user(server, client, "nobody"),
                "SCOPED": create_user(server, client, "scoped", grants_in_scopes(client)),
            }
            [role] = client.get(f"/users/{people['SCOPED']['id']}/roles").raise_for_status().json()["assignments"]
        own = {role["role_id"], *(person["id"] for person in people.values())}
        known = {
            "PYTHONPATH": str(ROOT),
            "SERVER_URL": server.url,
            "FUZZ_KEY": key,
            "OWN_IDS": json.dumps(sorted(own)),
            "REAL_IDS": json.dumps(sorted({*ids} - own)),
        }
        known |= {f"{who}_{name.upper()}": value for who, person in people.items() for name, value in person.items()}
        program = str(Path(sys.executable).with_name("schemathesis"))
        command = [program, f"--config-file={CONFIGURATION}", "run", f"{server.url}/openapi.json", *options]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **known}, check=False).returncode
        sign_in(server, root).close()  # fails if the run lost its account, which would make it worthless
        return code


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(folder, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
