"""A request is freed when it ends: a cycle of references would keep it until a collection, in the middle of others."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from app.core.http.preflight import Preflight
from tests.people import Person, SignedInAs

MISSING = "/tasks/00000000-0000-4000-8000-000000000000"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Request]]]:
    """The requests that guards have seen. Garbage is not collected."""
    seen: list[weakref.ref[Request]] = []
    check = Preflight.authorize_and_count

    async def see(self: Preflight, request: Request, *given: Any) -> None:
        seen.append(weakref.ref(request))
        await check(self, request, *given)

    monkeypatch.setattr(Preflight, "authorize_and_count", see)
    gc.disable()
    yield seen
    gc.enable()


async def ask(person: Person) -> list[int]:
    """Make requests of many kinds, good and bad. Returns the statuses of the responses."""
    made = await person.post("/tasks", {"title": "one"})
    place = f"/tasks/{made.json()['id']}"
    answers = [
        made,
        await person.get(place),
        await person.get("/tasks", params={"limit": 2}),
        await person.patch(place, {"title": "two"}),
        await person.patch(place, {"title": "three"}, headers={"If-Match": '"1"'}),
        await person.delete(place),
        await person.post(f"{place}/restore"),
        await person.post("/tasks/bulk", {"items": [{"title": "three"}, {"title": "four"}]}),
        await person.get(MISSING),
        await person.post("/tasks", {"title": 1}),
        await person.get("/users"),
        await person.client.get("/tasks"),
    ]
    return [answer.status_code for answer in answers]


async def test_a_request_is_freed_when_it_ends(signed_in_as: SignedInAs, requests: list[weakref.ref[Request]]) -> None:
    person = await signed_in_as("tasks:create", "tasks:update", "tasks:delete")

    statuses = await ask(person)

    assert {200, 201, 204, 401, 403, 404, 412, 422} <= set(statuses)
    assert len(requests) == len(statuses)
    assert [each() for each in requests if each() is not None] == []
