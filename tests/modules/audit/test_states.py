"""States of an item: what it was at a point of the change log, and what differs between two points."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.derived import own_columns
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.tasks.models import Task
from tests.modules.audit.erasure import destroy_keys
from tests.modules.audit.master_keys import change_by_sql
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.customers.factory import body
from tests.people import Person, SignedInAs

NOWHERE = "01890000-0000-7000-8000-000000000000"
LATER = "9000-01-01T00:00:00Z"
LONG = 10_000


async def make_task(database: Database, person: Person, *titles: str) -> tuple[str, list[dict[str, Any]]]:
    """The path of a task that had these titles one after the other, and its sealed entries, the oldest first."""
    first, *others = titles
    path = f"/tasks/{(await person.post('/tasks', {'title': first})).json()['id']}"
    for title in others:
        assert (await person.patch(path, {"title": title})).status_code == 200
    await seal_all(sealer_of(database))
    return path, (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]


async def test_a_state_is_that_of_its_point(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:update", "tasks:create")
    path, entries = await make_task(database, person, "one", "two", "three")

    for title, entry in zip(("one", "two", "three"), entries, strict=True):
        for point in ({"seq": entry["seq"]}, {"at": entry["seq"]}, {"at": entry["at"]}):
            state = await person.get(f"{path}/as-of", params=point)
            assert state.status_code == 200, state.text
            assert (state.json()["title"], state.json()["version"]) == (title, entry["changes"]["version"]["new"])
            assert "etag" not in state.headers
    item, state = (
        (await person.get(path)).json(),
        (await person.get(f"{path}/as-of", params={"at": LATER})).json(),
    )
    fields = [column.name for column in own_columns(table_of(Task))]
    assert set(state) == set(fields)
    assert all(state[name] == item[name] for name in fields if not name.endswith("_at"))


async def test_what_did_not_exist_is_not_found(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    person, auditor = await signed_in_as("tasks:create"), await signed_in_as("audit:read")
    path, (entry,) = await make_task(database, person, "one")

    async def detail(path: str, **params: Any) -> str:
        answer = await auditor.get(path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), answer.text
        return str(answer.json()["detail"])

    assert (await detail(f"{path}/as-of", seq=entry["seq"] - 1)).endswith("did not exist yet.")
    assert (await detail(f"{path}/as-of", at="2020-01-01T00:00:00Z")).endswith("did not exist yet.")
    assert (await detail(f"{path}/diff", **{"from": "2020-01-01T00:00:00Z"})).endswith("did not exist yet.")
    assert (await detail(f"/tasks/{NOWHERE}/as-of", seq=entry["seq"])).endswith("and never was.")
    async with database.unit_of_work(job) as session:
        session.remove((await session.execute(select(Task))).scalar_one())
    assert (await detail(f"{path}/as-of", at=LATER)).endswith("was removed before.")
    assert (await auditor.get(f"{path}/as-of", params={"seq": entry["seq"]})).json()["title"] == "one"
    assert (await person.get(f"{path}/as-of", params={"seq": entry["seq"]})).status_code == 404


async def test_an_entry_of_another_item_is_a_point_too(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:create", "tasks:update", "audit:read")
    path, (entry,) = await make_task(database, person, "one")
    _, (other,) = await make_task(database, person, "other")
    await person.patch(path, {"title": "two"})
    unsealed = await person.get(f"{path}/as-of", params={"seq": other["seq"] + 1})
    await seal_all(sealer_of(database))

    states = [(await person.get(f"{path}/as-of", params={"seq": other["seq"] + more})).json() for more in (0, 1)]
    unknown = await person.get(f"{path}/diff", params={"from": entry["seq"], "to": other["seq"] + 2})

    assert [state["title"] for state in states] == ["one", "two"]
    for refused in (unsealed, unknown):
        assert (refused.status_code, refused.json()["detail"][:20]) == (404, "The log has no entry")


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({}, "/query"),
        ({"at": "2026-01-01T00:00:00Z", "seq": 1}, "/query"),
        ({"seq": 0}, "/query/seq"),
        ({"seq": "one"}, "/query/seq"),
        ({"at": 0}, "/query/at"),
        ({"at": "9" * 30}, "/query/at"),
        ({"at": "yesterday"}, "/query/at"),
        ({"at": "2026-01-01T00:00:00"}, "/query/at"),
        ({"at": "2026-13-01T00:00:00Z"}, "/query/at"),
        ({"when": 1}, "/query/when"),
    ],
    ids=str,
)
async def test_a_point_is_read_strictly(
    database: Database, signed_in_as: SignedInAs, params: dict[str, Any], pointer: str
) -> None:
    person = await signed_in_as("tasks:create")
    path, _ = await make_task(database, person, "one")

    answer = await person.get(f"{path}/as-of", params=params)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_two_states_are_compared_field_by_field(database: Database, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("tasks:update", "tasks:create")
    path, entries = await make_task(database, person, "one", "two", "one")
    first, second, third = [entry["seq"] for entry in entries]

    async def diff(**points: Any) -> dict[str, Any]:
        answer = await person.get(f"{path}/diff", params={name.rstrip("_"): point for name, point in points.items()})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["changes"]
        return {name: sides for name, sides in found.items() if name != "updated_at"}

    versions = {"version": {"old": 1, "new": 3}}
    two: dict[str, dict[str, Any]] = {"title": {"old": "one", "new": "two"}, "version": {"old": 1, "new": 2}}
    assert await diff(from_=first, to=second) == two
    assert await diff(from_=second, to=first) == {
        name: {"old": sides["new"], "new": sides["old"]} for name, sides in two.items()
    }
    assert await diff(from_=first) == await diff(from_=first, to=third) == versions
    assert await diff(from_=entries[0]["at"], to=entries[2]["at"]) == versions
    assert await diff(from_=third, to=third) == {}
    assert (await person.get(f"{path}/diff")).status_code == 422


async def test_personal_values_are_readable_until_they_are_erased_and_secrets_never(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    person = await signed_in_as("customers:create", "customers:update", "customers:read-personal", "audit:read")
    customer = (await person.post("/customers", body() | {"notes": "allergic"})).json()
    path = f"/customers/{customer['id']}"
    await person.patch(path, {"first_name": "Cordelia", "status": "blocked"})
    first, second = [e["at"] for e in (await person.get(f"{path}/history", params={"sort": "id"})).json()["items"]]

    state = (await person.get(f"{path}/as-of", params={"at": first})).json()
    account = (await person.get(f"/users/{person.id}/as-of", params={"at": now().isoformat()})).json()
    await destroy_keys(database, UUID(customer["id"]))
    erased = (await person.get(f"{path}/as-of", params={"at": first})).json()
    diff = (await person.get(f"{path}/diff", params={"from": first, "to": second})).json()["changes"]

    assert (state["first_name"], state["notes"], state["status"]) == ("Carla", "allergic", "active")
    assert account["password_hash"].keys() == {"$secret"}
    assert "argon2" not in str(account)
    lost = {"$erased": True}
    assert (erased["first_name"], erased["notes"], erased["status"]) == (lost, lost, "active")
    assert diff["first_name"] == {"old": lost, "new": lost}, "it changed, from what to what is gone"
    assert diff["status"] == {"old": "active", "new": "blocked"}
    assert "notes" not in diff


async def test_a_row_that_came_again_has_nothing_of_its_former_life(
    database: Database, signed_in_as: SignedInAs
) -> None:
    person, auditor = await signed_in_as("tasks:create", "tasks:read"), await signed_in_as("audit:read")
    path, (entry,) = await make_task(database, person, "one")
    stored = {"at": now(), "format": 1, "request_id": "old", "actor_kind": "system", "source": "hook"}
    common = {**stored, "entity": "task", "entity_id": entry["entity_id"], "redaction_version": "1"}
    gone = {"title": {"old": "one"}, "old_column": {"old": 1}, "version": {"old": 1}}
    again = {"title": {"new": "two"}, "version": {"new": 1}}
    for action, changes in (("delete", gone), ("create", again)):
        values = {**common, "action": action, "changes": changes}
        await change_by_sql(database, insert(table_of(AuditChange)).values(values))

    state = await auditor.get(f"{path}/as-of", params={"at": LATER})

    assert state.json() == {"id": entry["entity_id"], "title": "two", "version": 1}


async def test_secrets_without_a_digest_count_as_different(database: Database, signed_in_as: SignedInAs) -> None:
    """Entries of older versions say only that a secret was set."""
    auditor = await signed_in_as("audit:read")
    common = {"format": 1, "request_id": "old", "actor_kind": "system", "source": "hook", "redaction_version": "1"}
    values = {
        **common,
        "entity": "user",
        "entity_id": NOWHERE,
        "changes": {"password_hash": {"new": {"$secret": True}}},
    }
    start = now()
    for number, action in enumerate(("create", "update")):
        row = {**values, "action": action, "at": start + timedelta(hours=number)}
        await change_by_sql(database, insert(table_of(AuditChange)).values(row))

    difference = await auditor.get(f"/users/{NOWHERE}/diff", params={"from": start.isoformat()})

    assert difference.json()["changes"]["password_hash"] == {"old": {"$secret": True}, "new": {"$secret": True}}


async def test_a_long_history_is_folded_by_the_database(database: Database, signed_in_as: SignedInAs) -> None:
    """What is read is one entry for each field, however many there are."""
    person = await signed_in_as("tasks:create", "tasks:read")
    path, (entry,) = await make_task(database, person, "one")
    common = {
        "format": 2,
        "request_id": "many",
        "actor_kind": "system",
        "source": "hook",
        "action": "update",
        "entity": "task",
        "entity_id": entry["entity_id"],
        "redaction_version": "1",
    }
    start = now() + timedelta(seconds=1)
    rows = [
        {
            **common,
            "at": start + timedelta(seconds=number),
            "changes": {
                "version": {"old": number, "new": number + 1},
                "title": {"old": f"t{number}", "new": f"t{number + 1}"},
            },
        }
        for number in range(1, LONG)
    ]
    for first in range(0, LONG, 500):
        await change_by_sql(database, insert(table_of(AuditChange)).values(rows[first : first + 500]))

    middle = await person.get(f"{path}/as-of", params={"at": (start + timedelta(seconds=LONG // 2)).isoformat()})
    newest = await person.get(f"{path}/as-of", params={"at": LATER})

    assert (middle.json()["version"], middle.json()["title"]) == (LONG // 2 + 1, f"t{LONG // 2 + 1}")
    assert (newest.json()["version"], newest.json()["priority"]) == (LONG, "normal")


async def test_the_entries_of_an_item_are_numbered_in_the_order_of_its_versions(
    database: Database, signed_in_as: SignedInAs
) -> None:
    """However many write it at once: this is what makes the fold by number right."""
    person = await signed_in_as("tasks:create", "tasks:update")
    path, _ = await make_task(database, person, "one")

    answers = await asyncio.gather(*(person.patch(path, {"title": f"by writer {number}"}) for number in range(40)))

    written = [answer.status_code for answer in answers].count(200)
    entries = (await person.get(f"{path}/history", params={"sort": "id", "limit": 100})).json()["items"]
    assert [entry["changes"]["version"]["new"] for entry in entries] == list(range(1, written + 2))
    assert written >= 5
