"""A list whose filters have no index: where a page takes too long, it ends with the piece that was read (ADR 76)."""

from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from app.core.clock import now
from app.core.db.engine import Database
from app.modules.audit.pieces import repository
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealer_of
from tests.people import Person, SignedInAs


@pytest.fixture(autouse=True)
def too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is found at once, and each is one piece of five entries."""
    monkeypatch.setattr(repository, "WHOLE_SECONDS", -1.0)
    monkeypatch.setattr(repository, "PIECES_SECONDS", 0.0)
    monkeypatch.setattr(repository, "FIRST_PIECE", 5)


async def read_page(auditor: Person, log: str, cursor: str | None, **params: Any) -> tuple[list[int], str | None]:
    """The ids of a page, and the cursor of the next one."""
    answer = await auditor.get(f"/audit/{log}", params={**params, **({"cursor": cursor} if cursor else {})})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert ('rel="next"' in answer.headers.get("link", "")) == (page["next_cursor"] is not None)
    assert "audit-window" in answer.headers
    return [item["id"] for item in page["items"]], page["next_cursor"]


async def read_pages(auditor: Person, log: str, **params: Any) -> list[list[int]]:
    """The ids of each page."""
    ids, cursor = await read_page(auditor, log, None, **params)
    found = [ids]
    while cursor is not None:
        ids, cursor = await read_page(auditor, log, cursor, **params)
        found.append(ids)
    return found


async def add_requests(auditor: Person) -> None:
    """Requests of two routes, of which one is rare."""
    for number in range(24):
        await auditor.get("/brands" if number in (3, 4, 20) else "/tasks")


@pytest.mark.parametrize("sort", ["-at", "at", "at,-id"])
@pytest.mark.parametrize("limit", [2, 100])
async def test_the_pages_of_all_pieces_have_what_matches(
    signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch, sort: str, limit: int
) -> None:
    auditor = await signed_in_as("audit:read", "brands:read", "tasks:read")
    await add_requests(auditor)
    at = {"at_lt": now().isoformat(), "at_gte": (now() - timedelta(days=1)).isoformat()}

    found = await read_pages(auditor, "access", path="/api/v1/brands", **at, sort=sort, limit=limit)
    monkeypatch.undo()
    [whole] = await read_pages(auditor, "access", path="/api/v1/brands", **at, sort=sort, limit=100)

    assert len(whole) == 3
    assert list(chain(*found)) == whole
    assert len(found) >= 5
    assert [] in found


@pytest.mark.parametrize("filters", [{"field": "title"}, {"action": "update"}, {"module": "tasks", "field": "title"}])
async def test_changes_that_come_meanwhile_are_on_no_page(
    database: Database, signed_in_as: SignedInAs, filters: dict[str, str]
) -> None:
    auditor = await signed_in_as("audit:read")
    for hours in range(12):
        await add_changes(database, 2, at=now() - timedelta(hours=2 * hours + 1))
    await seal_all(sealer_of(database))
    expected = list(chain(*await read_pages(auditor, "changes", **filters)))

    found, cursor = await read_page(auditor, "changes", None, **filters)
    pages = 1
    while cursor is not None:
        for hours in range(0, 24, 3):  # between, before and behind the others
            await add_changes(database, 1, at=now() - timedelta(hours=hours))
        await seal_all(sealer_of(database))
        ids, cursor = await read_page(auditor, "changes", cursor, **filters)
        found, pages = found + ids, pages + 1

    assert found == expected
    assert len(found) >= 24
    assert pages > 4
