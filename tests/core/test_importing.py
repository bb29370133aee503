"""Files as people send them: marks, quotes, wrong lines, and where each error is."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.resources.imports import MAX_ROW_BYTES
from app.modules.brands.models import Brand
from tests.conftest import SignedInAs
from tests.people import Person

CSV, NDJSON = "text/csv", "application/x-ndjson"


async def upload(
    person: Person, content: str | bytes, kind: str = CSV, query: str = ""
) -> tuple[int, dict[str, object]]:
    data = content.encode() if isinstance(content, str) else content
    answer = await person.post(f"/brands/import{query}", content=data, headers={"Content-Type": kind})
    return answer.status_code, answer.json()


async def names(person: Person) -> list[str]:
    items = (await person.get("/brands", params={"sort": "name", "limit": 100})).json()["items"]
    return [item["name"] for item in items]


async def test_csv_as_spreadsheets_write_it(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    content = '\ufeffname,description\r\n"Comma, Inc","two\r\nlines"\r\nPlain,\r\n\'=Formula,"a ""quote"""\r\n'

    status, report = await upload(person, content, "text/csv; charset=utf-8; header=present")

    assert (status, report["created"]) == (200, 3), report
    items = (await person.get("/brands", params={"sort": "name"})).json()["items"]
    assert [(item["name"], item["description"]) for item in items] == [
        ("=Formula", 'a "quote"'),
        ("Comma, Inc", "two\r\nlines"),
        ("Plain", None),
    ]
    table = (await person.get("/brands", params={"sort": "name"}, headers={"Accept": CSV})).text
    assert "'=Formula" in table
    assert '"two\r\nlines"' in table


@pytest.mark.parametrize(
    ("content", "kind", "lines"),
    [
        ('name\n"a\nb"\n""\n', CSV, [2, 4]),
        ("name,description\nok,x\nonly one\nok2,x,y\n", CSV, [3, 4]),
        ('{"name": "a"}\n\n[1]\n{"name": 1}\n{"name": "a", "name": "b"}\n', NDJSON, [3, 4, 5]),
        ('{"name": "same"}\n{"name": "SAME"}\n{"name": "other"}\n{"name": "same"}\n', NDJSON, [2, 4]),
    ],
)
async def test_errors_are_found_by_their_line(
    signed_in_as: SignedInAs, content: str, kind: str, lines: list[int]
) -> None:
    person = await signed_in_as("brands:create")

    status, problem = await upload(person, content, kind)

    assert status == 422
    errors = problem["errors"]
    assert isinstance(errors, list)
    assert sorted({int(error["pointer"].split("/")[2]) for error in errors}) == lines
    assert await names(person) == []


async def test_stopping_keeps_what_came_before_the_first_error(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    content = "".join(f'{{"name": "{name}"}}\n' for name in ("a", "b", "A", "c"))

    status, report = await upload(person, content, NDJSON, "?on_error=stop")

    assert (status, report["created"], report["failed"], report["stopped_at_line"]) == (200, 2, 1, 3)
    assert await names(person) == ["a", "b"]


UNREADABLE = {
    "no utf-8": b"\xff",
    "open quote": b'"open',
    "endless row": b"x" * (MAX_ROW_BYTES + 1),
    "endless record": b'"a\n' + b'","a\n' * 200_000,
    "nul": b"a\0b",
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=list(UNREADABLE))
async def test_csv_that_cannot_be_read_on_is_an_error_of_its_line(signed_in_as: SignedInAs, line: bytes) -> None:
    person = await signed_in_as("brands:create")

    status, problem = await upload(person, b"name\nfirst\n" + line)
    assert await names(person) == []
    stopped, report = await upload(person, b"name\nfirst\n" + line, query="?on_error=stop")

    errors = problem["errors"]
    assert isinstance(errors, list)
    assert (status, [(error["pointer"], error["code"]) for error in errors]) == (
        422,
        [("/body/3", "malformed-request")],
    )
    assert (stopped, report["created"], report["stopped_at_line"]) == (200, 1, 3)
    assert await names(person) == ["first"]


async def test_an_import_leaves_room_for_other_requests(signed_in_as: SignedInAs) -> None:
    """Regression: a file of bad or empty lines held the event loop until its end."""
    person = await signed_in_as("brands:create")
    content = b"\n" * 50_000 + b"x\n" * 5000
    answered: list[str] = []

    async def importing() -> None:
        status, _ = await upload(person, content, NDJSON, "?on_error=abort&dry_run=true")
        assert status == 200
        answered.append("import")

    async def asking() -> None:
        assert (await person.get("/auth/me")).status_code == 200
        answered.append("question")

    await asyncio.gather(importing(), asking())

    assert answered == ["question", "import"]


async def test_an_export_ends_with_the_right_to_read(
    database: Database, job: RequestContext, signed_in_as: SignedInAs, app: FastAPI
) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n:04}") for n in range(2500)])
    person, admin = await signed_in_as("brands:read"), await signed_in_as(superuser=True)
    taken_away = False
    following = app.state.authenticator.authenticate

    async def admit(token: str, context: RequestContext) -> Any:
        nonlocal taken_away
        if taken_away is False and context.file_kind and token == person.access_token:
            taken_away = True
            await admin.put(f"/users/{person.id}/roles", {"role_ids": []})
        return await following(token, context)

    app.state.authenticator.authenticate = admit
    answer = await person.get("/brands", headers={"Accept": NDJSON})

    assert taken_away
    assert answer.text.count("\n") < 2500


async def test_a_retried_import_has_one_effect(signed_in_as: SignedInAs) -> None:
    person = await signed_in_as("brands:create")
    headers = {"Content-Type": CSV, "Idempotency-Key": "once"}

    first = await person.post("/brands/import", content=b"name\na\n", headers=headers)
    again = await person.post("/brands/import", content=b"name\na\n", headers=headers)
    other = await person.post("/brands/import", content=b"name\nb\n", headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert again.json() == first.json()
    assert other.json()["code"] == "idempotency-key-reused"
    assert await names(person) == ["a"]


async def test_a_long_list_comes_whole_page_by_page(
    database: Database, job: RequestContext, signed_in_as: SignedInAs
) -> None:
    async with database.unit_of_work(job) as session:
        session.add_all([Brand(name=f"brand {n:04}") for n in range(2500)])
    person = await signed_in_as("brands:read")

    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "brand" in statement:
            statements.append(statement)

    event.listen(database.readers.sync_engine, "before_cursor_execute", note)
    async with person.client.stream(
        "GET",
        "/brands?sort=name",
        headers={"Accept": NDJSON, "Authorization": f"Bearer {person.access_token}"},
    ) as answer:
        lines = [line async for line in answer.aiter_lines()]

    assert (len(lines), len(statements)) == (2500, 3)
    assert '"brand 2499"' in lines[-1]
    assert "link" not in answer.headers
    bad = await person.get("/brands", params={"cursor": "x"}, headers={"Accept": NDJSON})
    assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")
