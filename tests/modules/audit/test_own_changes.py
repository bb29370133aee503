"""What the caller changed: everybody reads that of the own account, and nothing else."""

from typing import Any

from tests.people import Person, SignedInAs

WRITER = ("tasks:create", "tasks:update", "tasks:delete")


async def own_changes(person: Person, **params: Any) -> list[tuple[str, str, str | None]]:
    answer = await person.get("/auth/me/changes", params=params)
    assert answer.status_code == 200, answer.text
    return [(row["entity"], row["action"], row["item_name"]) for row in answer.json()["items"]]


async def test_everybody_reads_what_they_changed(signed_in_as: SignedInAs) -> None:
    worker, other, idle = await signed_in_as(*WRITER), await signed_in_as(*WRITER), await signed_in_as()
    mine = (await worker.post("/tasks", {"title": "Count the lamps"})).json()["id"]
    theirs = (await other.post("/tasks", {"title": "Water the plants"})).json()["id"]
    await worker.patch(f"/tasks/{theirs}", {"title": "Water the trees"})
    await worker.delete(f"/tasks/{mine}")
    await worker.delete("/auth/me/sessions")  # a session is no item

    newest_first = [
        ("task", "delete", "Count the lamps"),
        ("task", "update", "Water the trees"),
        ("task", "create", "Count the lamps"),
    ]
    assert await own_changes(worker) == newest_first
    assert await own_changes(worker, limit=1, sort="at") == newest_first[-1:]
    assert await own_changes(worker, at_lt="2020-01-01T00:00:00Z") == []
    assert await own_changes(other) == [("task", "create", "Water the trees")]
    assert await own_changes(idle) == []
    first = (await worker.get("/auth/me/changes", params={"limit": 2})).json()
    assert await own_changes(worker, limit=2, cursor=first["next_cursor"]) == newest_first[2:]
    assert (await other.get("/auth/me/changes", params={"cursor": first["next_cursor"]})).status_code == 422
    sparse = (await worker.get("/auth/me/changes", params={"fields": "item_name"})).json()["items"][0]
    assert sparse.keys() == {"id", "item_name"}


async def test_names_are_those_of_items_that_the_caller_may_read_now(signed_in_as: SignedInAs) -> None:
    root, worker = await signed_in_as(superuser=True), await signed_in_as("tasks:create")
    await worker.post("/tasks", {"title": "Count the lamps"})

    taken = await root.put(f"/users/{worker.id}/roles", {"role_ids": []})

    assert taken.status_code == 200
    assert await own_changes(worker) == [("task", "create", None)]
