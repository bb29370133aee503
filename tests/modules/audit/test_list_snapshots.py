"""A list that is read while others write ends where it began: its pages show nothing that came after the first one."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.db.cursor import encrypt_cursor
from app.core.db.engine import Database
from app.modules.audit.schemas import ChangeQuery
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.entries import access_entries, changes_table
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    past_the_application,
    run_sql,
    seal_all,
    sealer_of,
)
from tests.people import Person, SignedInAs

MANY = 6


async def read_page(
    auditor: Person, log: str, cursor: str | None = None, **params: Any
) -> tuple[list[int], str | None]:
    answer = await auditor.get(f"/audit/{log}", params={**params, "limit": 2, **({"cursor": cursor} if cursor else {})})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [item["id"] for item in page["items"]], page["next_cursor"]


async def read_rest(auditor: Person, log: str, cursor: str | None, **params: Any) -> list[int]:
    found: list[int] = []
    while cursor:
        ids, cursor = await read_page(auditor, log, cursor, **params)
        found += ids
    return found


async def numbers_of(auditor: Person, log: str, **params: Any) -> list[int]:
    answer = await auditor.get(f"/audit/{log}", params={**params, "limit": 100})
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.parametrize("sort", ["-at", "at", "id", "-id"])
@pytest.mark.parametrize("filters", [{}, {"entity": "task"}, {"field": "title"}], ids=["all", "in a window", "by hour"])
@pytest.mark.parametrize("is_sealed", [True, False])
async def test_pages_show_what_was_there_when_the_list_began(
    database: Database, signed_in_as: SignedInAs, sort: str, filters: dict[str, str], is_sealed: bool
) -> None:
    auditor = await signed_in_as("audit:read")
    for hours in range(MANY):
        await add_changes(database, 1, at=now() - timedelta(hours=2 * hours + 1))
    if is_sealed:
        await seal_all(sealer_of(database))
    expected = await numbers_of(auditor, "changes", sort=sort, **filters)

    found, cursor = await read_page(auditor, "changes", sort=sort, **filters)
    while cursor:
        for hours in range(MANY):  # between, before and behind the others
            await add_changes(database, 1, at=now() - timedelta(hours=2 * hours))
        await seal_all(sealer_of(database))
        ids, cursor = await read_page(auditor, "changes", cursor, sort=sort, **filters)
        found += ids

    assert found == expected


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sort", ["-at", "at", "id"])
@pytest.mark.parametrize("filters", [{}, {"field": "title"}], ids=["all", "by hour"])
async def test_what_is_committed_after_the_first_page_came_later(
    database: Database, signed_in_as: SignedInAs, sort: str, filters: dict[str, str]
) -> None:
    """The transaction began first, and its number and its time are before those of others."""
    auditor = await signed_in_as("audit:read")
    await add_changes(database, 2, at=now() - timedelta(hours=9))
    async with past_the_application(database) as connection:
        values = change_values(at=now() - timedelta(hours=5))
        late = (
            await connection.execute(changes_table.insert().values(values).returning(changes_table.c.id))
        ).scalar_one()
        for hours in (7, 3, 1):
            await add_changes(database, 1, at=now() - timedelta(hours=hours))
        expected = await numbers_of(auditor, "changes", sort=sort, **filters)
        found, cursor = await read_page(auditor, "changes", sort=sort, **filters)
        await connection.commit()

    await seal_all(sealer_of(database))
    found += await read_rest(auditor, "changes", cursor, sort=sort, **filters)

    assert found == expected
    assert late not in found
    assert late in await numbers_of(auditor, "changes", sort=sort, **filters)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_entries_of_a_restored_database_are_on_all_pages(database: Database, signed_in_as: SignedInAs) -> None:
    """Their transaction ids are those of another database, which may have counted further."""
    auditor = await signed_in_as("audit:read")
    await run_sql(database, *(changes_table.insert().values(change_values(xid=2**40 + n)) for n in range(MANY)))
    await run_sql(database, changes_table.insert().values(change_values(xid=None)))
    await seal_all(sealer_of(database))

    found, cursor = await read_page(auditor, "changes")
    found += await read_rest(auditor, "changes", cursor)

    assert found == await numbers_of(auditor, "changes")
    assert len(found) >= MANY + 1


async def test_a_list_of_requests_does_not_show_its_own_reading(app: FastAPI, signed_in_as: SignedInAs) -> None:
    auditor = await signed_in_as("audit:read")
    for _ in range(MANY):
        await auditor.get("/tasks")
    await access_entries(app)
    found, cursor = await read_page(auditor, Log.access, sort="at")
    while cursor:
        ids, cursor = await read_page(auditor, Log.access, cursor, sort="at")
        found += ids
        assert len(found) < 5 * MANY, "it never ends"

    listed = (await auditor.get("/audit/access", params={"sort": "at", "limit": 100})).json()["items"]
    own = [item["id"] for item in listed if item["path"] == "/api/v1/audit/access"]
    assert len(own) > 1
    assert not set(own) & set(found)


async def test_a_cursor_of_an_older_version_is_refused(database: Database, signed_in_as: SignedInAs) -> None:
    """Regression: it keeps a window where cursors now keep a snapshot, which ended in 500."""
    auditor = await signed_in_as("audit:read")
    at = now().isoformat()
    scope = ChangeQuery(entity="task", limit=2).cursor_scope("audit_change")
    cursor = encrypt_cursor(database.keys.cursor, scope, [at, 1, at, at])

    answer = await auditor.get("/audit/changes", params={"entity": "task", "limit": 2, "cursor": cursor})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "bad-cursor")
