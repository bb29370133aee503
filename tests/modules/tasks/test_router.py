"""Tasks: transitions, filters and search."""

from datetime import date

import pytest

from tests.people import Person, SignedInAs

ALLOWED = {
    ("todo", "in_progress"),
    ("in_progress", "done"),
    ("todo", "cancelled"),
    ("in_progress", "cancelled"),
    ("done", "todo"),
    ("cancelled", "todo"),
}
STATUSES = ("todo", "in_progress", "done", "cancelled")
WAYS = {"todo": [], "in_progress": ["in_progress"], "done": ["in_progress", "done"], "cancelled": ["cancelled"]}


async def task_in(person: Person, status: str) -> str:
    task = str((await person.post("/tasks", {"title": "moving"})).json()["id"])
    for step in WAYS[status]:
        assert (await person.patch(f"/tasks/{task}", {"status": step})).status_code == 200
    return f"/tasks/{task}"


@pytest.mark.parametrize("start", STATUSES)
async def test_only_allowed_transitions_succeed(signed_in_as: SignedInAs, start: str) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")

    for target in STATUSES:
        path = await task_in(person, start)
        answer = await person.patch(path, {"status": target})

        if start == target or (start, target) in ALLOWED:
            assert (answer.status_code, answer.json()["status"]) == (200, target)
            assert (answer.json()["completed_at"] is not None) is (target == "done")
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "invalid-transition")
            assert (await person.get(path)).json()["status"] == start


async def test_filters_and_search(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")
    for title, priority, due in (
        ("Pack 100%", "high", "2030-01-01"),
        ("Ship it", "low", "2030-02-01"),
        ("Pay", "low", None),
    ):
        body = {"title": title, "priority": priority, "due_date": due, "assignee_id": str(person.id)}
        assert (await person.post("/tasks", body)).status_code == 201

    async def titles(**params: object) -> list[str]:
        answer = await person.get("/tasks", params={**params, "sort": "title"})
        assert answer.status_code == 200, answer.text
        return [item["title"] for item in answer.json()["items"]]

    assert await titles(priority="low") == ["Pay", "Ship it"]
    assert await titles(priority=["low", "high"]) == ["Pack 100%", "Pay", "Ship it"]
    assert await titles(status="done") == []
    assert await titles(due_date_lt=date(2030, 2, 1)) == ["Pack 100%"]
    assert await titles(due_date_gte=date(2030, 2, 1)) == ["Ship it"]
    assert await titles(q="sHIP") == ["Ship it"]
    assert await titles(q="it sh") == ["Ship it"]
    assert await titles(q="hip") == []
    assert await titles(q="100%") == ["Pack 100%"]
    assert await titles(q="%") == []
    assert await titles(assignee_id=person.id) == ["Pack 100%", "Pay", "Ship it"]
    assert await titles(assignee_id="01890000-0000-7000-8000-000000000000") == []


async def test_null_clears_and_absence_keeps(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update")
    body = {"title": "Keep", "description": "words", "due_date": "2030-01-01"}
    path = f"/tasks/{(await person.post('/tasks', body)).json()['id']}"

    answer = await person.patch(path, {"description": None})

    assert (answer.json()["description"], answer.json()["due_date"]) == (None, "2030-01-01")


async def test_a_task_made_done_is_completed(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create")

    done = (await person.post("/tasks", {"title": "Was quick", "status": "done"})).json()

    assert done["completed_at"].endswith("Z")
