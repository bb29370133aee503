"""What is checked before the body is read."""

from collections.abc import AsyncIterator

import httpx

from tests.core.http.problems import assert_problem
from tests.people import SignedInAs


async def test_credentials_are_checked_before_the_body(client: httpx.AsyncClient, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:read")

    anonymous = await client.post("/tasks", content=b"{", headers={"Content-Type": "application/json"})
    powerless = await person.call("POST", "/tasks", content=b"{", headers={"Content-Type": "application/json"})

    assert_problem(anonymous, 401, "unauthenticated")
    assert anonymous.headers["www-authenticate"] == "Bearer"
    assert_problem(powerless, 403, "permission-denied")


async def test_a_body_is_not_read_without_credentials(client: httpx.AsyncClient) -> None:
    class Unread:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            read.append(True)
            yield b"{}"

    read: list[bool] = []
    answer = await client.post("/tasks", content=Unread(), headers={"Content-Type": "application/json"})

    assert_problem(answer, 401, "unauthenticated")
    assert read == []
