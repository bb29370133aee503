"""Calls of the API beside the browser: what another person does, and what a test begins with."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.demo import Demo


@asynccontextmanager
async def calls_of(demo: Demo, username: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API, signed in as one of the people of the demo data."""
    async with httpx.AsyncClient(base_url=f"{demo.url}/api/v1", timeout=60) as client:
        form = {"username": username, "password": demo.passwords[username]}
        response = await client.post("/auth/token", data=form)
        client.headers["Authorization"] = f"Bearer {response.raise_for_status().json()['access_token']}"
        yield client


async def create_tasks(client: httpx.AsyncClient, *titles: str) -> list[str]:
    """Create tasks, and return their ids."""
    body = {"create": [{"title": title} for title in titles]}
    response = await client.post("/tasks/bulk", json=body)
    return [item["id"] for item in response.raise_for_status().json()["created"]]


async def hire(demo: Demo, username: str, *grants: dict[str, object]) -> None:
    """Create a person with a role of their own, who can sign in like those of the demo data."""
    first, lasting = (secrets.token_urlsafe(18) for _ in range(2))
    person = {"username": username, "email": f"{username}@example.com", "password": first}
    async with calls_of(demo, "admin") as admin:
        user = (await admin.post("/users", json=person)).raise_for_status().json()["id"]
        role = (await admin.post("/roles", json={"name": f"Role of {username}"})).raise_for_status().json()["id"]
        (await admin.put(f"/roles/{role}/modules", json={"modules": list(grants)})).raise_for_status()
        (await admin.put(f"/users/{user}/roles", json={"role_ids": [role]})).raise_for_status()
    demo.passwords[username] = first
    async with calls_of(demo, username) as client:
        body = {"current_password": first, "new_password": lasting}
        (await client.post("/auth/me/password", json=body)).raise_for_status()
    demo.passwords[username] = lasting
