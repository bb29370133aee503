"""Users of a running server, with roles of their own, for programs that call it as several people."""

import secrets
from collections.abc import Sequence
from typing import Any

import httpx

from scripts.servers import Server

API = "/api/v1"


def sign_in(server: Server, credentials: dict[str, str]) -> httpx.Client:
    """A client of the API that is signed in."""
    api = f"{server.url}{API}"
    form = {name: credentials[name] for name in ("username", "password")}
    token = httpx.post(f"{api}/auth/token", data=form, timeout=60).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=api, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def create_user(server: Server, root: httpx.Client, name: str, grants: Sequence[dict[str, Any]] = ()) -> dict[str, str]:
    """Create a user with a role that has `grants`, and replace the one-time password. Returns the credentials."""
    user = {"username": name, "email": f"{name}@example.com", "password": secrets.token_urlsafe(18)}
    user["id"] = root.post("/users", json=user).raise_for_status().json()["id"]
    if grants:
        role = root.post("/roles", json={"name": f"Role of {name}"}).raise_for_status().json()["id"]
        root.put(f"/roles/{role}/modules", json={"modules": list(grants)}).raise_for_status()
        root.put(f"/users/{user['id']}/roles", json={"role_ids": [role]}).raise_for_status()
    fresh = {**user, "password": secrets.token_urlsafe(18)}
    with sign_in(server, user) as client:
        body = {"current_password": user["password"], "new_password": fresh["password"]}
        client.post("/auth/me/password", json=body).raise_for_status()
    return fresh
