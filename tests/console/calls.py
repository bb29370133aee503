"""Calls of the API beside the browser: what another person does, and what a test begins with."""

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
