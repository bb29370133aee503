"""Imports of real files: byte order marks, quotes, bad lines, and the line of each error."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from app.core.http.upload import IN_MEMORY_BYTES
from app.core.resources.imports.text_lines import MAX_ROW_CHARACTERS
from tests.people import Person, SignedInAs

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
        ('name,description\n"a\nb",x\n"",x\n', CSV, [2, 4]),
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
    "endless row": b"x" * (MAX_ROW_CHARACTERS + 1),
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


@pytest.mark.parametrize("name", ["no utf-8", "endless row"])
async def test_ndjson_that_cannot_be_read_on_is_an_error_of_its_line(signed_in_as: SignedInAs, name: str) -> None:
    """Regression: it was a 400 without a line, and kept nothing of what came before it."""
    person = await signed_in_as("brands:create")
    content = b'{"name": "first"}\n' + UNREADABLE[name]

    status, problem = await upload(person, content, NDJSON)
    assert await names(person) == []
    stopped, report = await upload(person, content, NDJSON, "?on_error=stop")

    errors = problem.get("errors")
    assert isinstance(errors, list), problem
    assert (status, [(error["pointer"], error["code"]) for error in errors]) == (
        422,
        [("/body/2", "malformed-request")],
    )
    assert (stopped, report["created"], report["stopped_at_line"]) == (200, 1, 2)
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


async def test_a_file_for_which_there_is_no_room_is_a_503(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Regression: it was a 500. A large file is stored where the system has temporary files."""
    person = await signed_in_as("brands:create")
    content = b"name\n" + b"\n" * IN_MEMORY_BYTES + b"Acme\n"

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    status, problem = await upload(person, content)
    monkeypatch.undo()
    again, report = await upload(person, content)

    assert (status, problem["code"]) == (503, "unavailable")
    assert (again, report["created"]) == (200, 1)


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
