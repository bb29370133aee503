"""References in answers: with the name of what is referred to, and refused where that was deleted."""

from uuid import uuid4

from tests.people import SignedInAs

WORKER = ("tasks:create", "tasks:update", "tasks:delete")


async def test_a_list_names_what_its_items_refer_to(signed_in_as: SignedInAs) -> None:
    worker, colleague = await signed_in_as(*WORKER), await signed_in_as()
    assert (await worker.get("/users")).status_code == 403

    created = await worker.post("/tasks", {"title": "Count", "assignee_id": str(colleague.id)})
    alone = await worker.post("/tasks", {"title": "Nobody's", "assignee_id": None})

    named = {"id": str(colleague.id), "name": colleague.username}
    assert created.json()["assignee"] == named
    assert alone.json()["assignee"] is None
    items = (await worker.get("/tasks", params={"sort": "created_at"})).json()["items"]
    assert [item["assignee"] for item in items] == [named, None]
    changed = await worker.patch(f"/tasks/{items[1]['id']}", {"assignee_id": str(worker.id)})
    assert changed.json()["assignee"] == {"id": str(worker.id), "name": worker.username}


async def test_a_table_that_refers_to_itself_names_the_other_row(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("categories:create")
    above = (await person.post("/categories", {"name": "Lamps"})).json()

    below = (await person.post("/categories", {"name": "Desk lamps", "parent_id": above["id"]})).json()

    assert below["parent"] == {"id": above["id"], "name": "Lamps"}
    assert (await person.get(f"/categories/{below['id']}")).json() == below


async def test_a_reference_to_a_deleted_user_is_refused(signed_in_as: SignedInAs) -> None:
    worker, admin = await signed_in_as(*WORKER), await signed_in_as(superuser=True)
    gone = await signed_in_as()
    task = (await worker.post("/tasks", {"title": "Count", "assignee_id": str(gone.id)})).json()
    path = f"/tasks/{task['id']}"

    assert (await admin.delete(f"/users/{gone.id}")).status_code == 204

    for answer in (
        await worker.post("/tasks", {"title": "Count", "assignee_id": str(gone.id)}),
        await worker.post("/tasks", {"title": "Count", "assignee_id": str(uuid4())}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/assignee_id")
        assert answer.json()["errors"][0]["code"] == "unknown-reference"
    assert (await worker.patch(path, {"title": "Count again"})).json()["assignee"]["name"] == gone.username
    assert (await worker.delete(path)).status_code == 204
    assert (await worker.post(f"{path}/restore")).status_code == 200
