"""Keyset pagination: no row is lost or repeated, and no cursor can be forged."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

import orjson
import pytest

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.tasks.models import Task
from tests.answers import statuses
from tests.people import Person, SignedInAs

ONE_FIELD = ("created_at", "-created_at", "title", "-title", "due_date", "-due_date")
SORTS = (*ONE_FIELD, "-due_date,title", "title,-created_at")


async def add_tasks(database: Database, job: RequestContext, count: int) -> None:
    """Add tasks with repeating titles, every third without a due date."""
    async with database.unit_of_work(job) as session:
        for n in range(count):
            due = None if n % 3 == 0 else date(2030, 1, 1) + timedelta(days=n % 4)
            session.add(Task(title=f"t{n % 5}", due_date=due))


async def walk(
    person: Person,
    limit: int,
    between: Callable[[], Awaitable[None]] | None = None,
    path: str = "/tasks",
    **params: Any,
) -> list[dict[str, Any]]:
    """Every item of every page. `between` runs after each page but the last."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = {**params, "limit": limit, **({"cursor": cursor} if cursor else {})}
        answer = await person.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        if between is not None:
            await between()


@pytest.mark.parametrize("sort", SORTS)
async def test_walking_gives_every_row_once_in_order(
    database: Database, job: RequestContext, signed_in_as: SignedInAs, sort: str
) -> None:
    await add_tasks(database, job, 25)
    person = await signed_in_as("tasks:read")

    walked = await walk(person, 4, sort=sort)

    assert len(walked) == 25
    assert [row["id"] for row in walked] == [row["id"] for row in ordered(walked, sort)]


def ordered(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    """The expected order: rows without a value last, the id as tie-break in the last direction."""
    parts = [(part.removeprefix("-"), part.startswith("-")) for part in sort.split(",")]
    parts.append(("id", parts[-1][1]))
    for field, descending in reversed(parts):
        valued = [row for row in rows if row[field] is not None]
        missing = [row for row in rows if row[field] is None]
        rows = sorted(valued, key=itemgetter(field), reverse=descending) + missing
    return rows


async def test_inserts_and_deletes_while_walking_lose_and_double_nothing(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    await add_tasks(database, job, 20)
    person = await signed_in_as("tasks:read", "tasks:create", "tasks:delete")
    first = (await person.get("/tasks", params={"limit": 5})).json()
    seen = [item["id"] for item in first["items"]]

    await person.post("/tasks", {"title": "new, in front"})
    await person.delete(f"/tasks/{seen[0]}")
    cursor = first["next_cursor"]
    while cursor:
        page = (await person.get("/tasks", params={"limit": 5, "cursor": cursor})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert len(seen) == len(set(seen)) == 20


async def test_a_cursor_cannot_be_altered_or_moved(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    await add_tasks(database, job, 5)
    person = await signed_in_as("tasks:read", "users:read")
    cursor: str = (await person.get("/tasks", params={"limit": 2})).json()["next_cursor"]
    altered = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("/tasks", {"cursor": altered}),
        ("/tasks", {"cursor": cursor + "A"}),
        ("/tasks", {"cursor": "x"}),
        ("/tasks", {"cursor": "AAAA"}),
        ("/tasks", {"cursor": "A" * 40}),
        ("/tasks", {"cursor": old_cursor("t0", "01890000-0000-7000-8000-000000000000")}),
        ("/tasks", {"cursor": "ä"}),
        ("/tasks", {"cursor": cursor, "sort": "title"}),
        ("/tasks", {"cursor": cursor, "status": "done"}),
    ]

    for path, params in attempts:
        answer = await person.get(path, params=params)
        assert answer.status_code == 422, (path, params)
        assert answer.json()["errors"][0]["code"] == "bad-cursor", (path, params)
    elsewhere = {
        "hidden rows": await person.get("/tasks", params={"cursor": cursor, "deleted": "only"}),
        "another list": await person.get("/users", params={"cursor": cursor}),
    }
    assert statuses(elsewhere) == {"hidden rows": 403, "another list": 422}


def old_cursor(*position: str) -> str:
    """A cursor as the first version wrote it: a MAC, and the values in clear."""
    return urlsafe_b64encode(bytes(16) + orjson.dumps(position)).decode().rstrip("=")


async def test_a_cursor_does_not_show_the_values_it_was_made_from(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    """Regression: the name and the e-mail of a customer stood in the cursor, in base64."""
    customers = [{"first_name": "Ines", "last_name": f"Costa{n}", "email": f"ines{n}@example.com"} for n in range(3)]
    person = await signed_in_as("customers:create", "customers:read-personal")
    for customer in customers:
        assert (await person.post("/customers", customer)).status_code == 201

    for sort in ("email", "last_name,first_name", "created_at"):
        answer = await person.get("/customers", params={"limit": 1, "sort": sort})
        cursor: str = answer.json()["next_cursor"]
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        texts = [cursor.encode(), raw, answer.headers["link"].encode()]
        item = answer.json()["items"][0]
        values = [item[name].encode() for name in ("id", "created_at", "first_name", "last_name", "email")]
        assert [value for value in values if any(value in text for text in texts)] == []
        assert len(cursor) < 200


async def test_a_cursor_of_the_longest_values_is_accepted(signed_in_as: SignedInAs) -> None:
    """Regression: the cursor after names of 200 wide characters was longer than the server accepts."""
    person = await signed_in_as("customers:create", "customers:read-personal")
    for n in range(2):
        names = {"first_name": "\U00020000" * 200, "last_name": "\U00020000" * 200}
        answer = await person.post("/customers", {**names, "email": f"{n}@example.com"})
        assert answer.status_code == 201, answer.text

    pages = await walk(person, 1, path="/customers", sort="last_name,first_name,email")

    assert len(pages) == 2


async def test_a_walk_over_10000_rows_among_writers_loses_and_doubles_none(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    await add_tasks(database, job, 10_000)
    person = await signed_in_as("tasks:read", "tasks:create", "tasks:delete")
    doomed = [item["id"] for item in await walk(person, 100, status="todo", sort="title", due_date_gte="2030-01-04")]
    writes = 0

    async def write() -> None:
        nonlocal writes
        bulk = {"create": [{"title": f"new {writes}"}], "delete": [{"id": doomed.pop()}, {"id": doomed.pop()}]}
        assert (await person.post("/tasks/bulk", bulk)).status_code == 200
        writes += 1

    seen = [item["id"] for item in await walk(person, 100, write, sort="-title,created_at")]

    assert writes >= 99
    assert len(seen) == len(set(seen))
    lasting = {item["id"] for item in await walk(person, 100, sort="created_at") if item["title"].startswith("t")}
    assert len(lasting) >= 7000
    assert lasting <= set(seen)


async def test_offset_and_total_are_an_alternative(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    await add_tasks(database, job, 7)
    person = await signed_in_as("tasks:read")

    page = (await person.get("/tasks", params={"offset": 5, "limit": 5, "total": "true", "sort": "title"})).json()

    assert (len(page["items"]), page["total"], page["next_cursor"]) == (2, 7, None)
    both = await person.get("/tasks", params={"offset": 5, "cursor": "x"})
    assert (both.status_code, both.json()["errors"][0]["detail"]) == (422, "Use either cursor or offset.")
    assert (await person.get("/tasks", params={"offset": 10_001})).status_code == 422


@pytest.mark.parametrize("q", [None, "t"])
@pytest.mark.parametrize(("count", "counted", "is_exact"), [(6, 6, True), (7, 6, False)])
async def test_a_total_is_counted_to_a_limit_unless_all_is_asked_for(
    database: Database,
    job: RequestContext,
    signed_in_as: SignedInAs,
    monkeypatch: pytest.MonkeyPatch,
    q: str | None,
    count: int,
    counted: int,
    is_exact: bool,
) -> None:
    monkeypatch.setattr("app.core.db.repository.MAX_COUNTED", 6)
    await add_tasks(database, job, count)
    person = await signed_in_as("tasks:read")
    search = {"q": q} if q else {}

    async def total(**params: Any) -> tuple[int | None, bool | None]:
        page = (await person.get("/tasks", params={"limit": 2, **search, **params})).json()
        return page["total"], page["total_is_exact"]

    assert await total(total="true") == (counted, is_exact)
    assert await total(total="exact") == (count, True)
    assert await total(total="exact", limit=1, offset=count) == (count, True)
    assert await total() == await total(total="false") == (None, None)
    refused = await person.get("/tasks", params={"total": "all"})
    assert refused.status_code == 422


async def test_the_next_page_is_a_link(database: Database, job: RequestContext, signed_in_as: SignedInAs) -> None:
    await add_tasks(database, job, 3)
    person = await signed_in_as("tasks:read")

    first = await person.get("/tasks", params={"limit": 2, "sort": "title"})
    address, relation = first.headers["link"].split("; ")
    second = await person.get(f"http://attest.test{address.strip('<>')}")

    assert relation == 'rel="next"'
    assert len(second.json()["items"]) == 1
    assert "link" not in second.headers
