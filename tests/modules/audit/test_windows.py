"""Filters without an index look in a window of 31 days, which the response says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from tests.modules.audit.entries import access, changes_table
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.people import SignedInAs
from tests.roles import as_owner

NOW = datetime.now(UTC).replace(microsecond=0)
WIDTH = timedelta(days=31)


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def add_entries(database: Database, days: list[int]) -> None:
    """Add an access entry and a change entry for each number of days ago."""
    common = {"format": 2, "actor_kind": "system", "actor_name": "old"}
    request = {"method": "GET", "path": "/old", "status": 418, "duration_us": 1, "bytes_out": 0}
    change = {"source": "hook", "action": "create", "entity": "task", "changes": {"title": {"new": 1}}}
    async with create_engine(as_owner(database.settings)).begin() as connection:
        for day in days:
            one = {**common, "at": NOW - timedelta(days=day), "request_id": f"day-{day}"}
            flags = {"is_replay": False, "is_dry_run": False}
            await connection.execute(access.insert().values({**one, **request, **flags}))
            await connection.execute(
                changes_table.insert().values({**one, **change, "entity_id": "1", "redaction_version": "x"})
            )


def days_of(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["request_id"] for row in answer.json()["items"]]


def window_of(answer: httpx.Response) -> tuple[datetime, datetime]:
    start, end = map(datetime.fromisoformat, answer.headers["audit-window"].split("/"))
    return start, end


WALKED = [
    ("access", {"status": 418}),
    ("access", {"path": "/old"}),
    ("access", {"status_gte": 418, "status": [418, 503]}),
    ("access", {"path": "/old", "ip": "192.0.2.7"}),
    ("changes", {"field": "title", "action": "create"}),
    ("changes", {"entity": "task"}),
]


@pytest.mark.parametrize(("log", "filters"), WALKED)
async def test_a_filter_without_an_index_looks_in_the_last_31_days(
    database: Database, signed_in_as: SignedInAs, log: str, filters: dict[str, Any]
) -> None:
    auditor = await signed_in_as("audit:read")
    await add_entries(database, [1, 30, 32])

    answer = await auditor.get(f"/audit/{log}", params=filters)

    start, end = window_of(answer)
    assert end - start == WIDTH
    assert timedelta() <= datetime.now(UTC) - end < timedelta(minutes=1)
    assert days_of(answer) == ([] if "ip" in filters else ["day-1", "day-30"])


@pytest.mark.parametrize(
    ("sides", "start", "end", "found"),
    [
        ({"at_lt": 29}, 60, 29, ["day-30", "day-32"]),
        ({"at_gte": 90}, 90, 59, []),
        ({"at_gte": 32}, 32, 1, ["day-30", "day-32"]),
        ({"at_gte": 31, "at_lt": 0}, 31, 0, ["day-1", "day-30"]),
    ],
)
async def test_a_period_moves_the_window(
    database: Database, signed_in_as: SignedInAs, sides: dict[str, int], start: int, end: int, found: list[str]
) -> None:
    auditor = await signed_in_as("audit:read")
    await add_entries(database, [1, 30, 32])
    period = {name: instant(NOW - timedelta(days=day)) for name, day in sides.items()}

    answer = await auditor.get("/audit/access", params={"status": 418, **period})

    assert window_of(answer) == (NOW - timedelta(days=start), NOW - timedelta(days=end))
    assert days_of(answer) == found


@pytest.mark.parametrize(("log", "filters"), [("access", {"path": "/"}), ("changes", {"field": "title"})])
async def test_a_longer_period_is_refused(signed_in_as: SignedInAs, log: str, filters: dict[str, Any]) -> None:
    auditor = await signed_in_as("audit:read")
    period = {"at_gte": "2026-01-01T00:00:00Z", "at_lt": "2026-02-01T00:00:01Z"}

    answer = await auditor.get(f"/audit/{log}", params={**filters, **period})

    assert (answer.status_code, answer.json()["code"]) == (422, "range-required")
    assert "audit-window" not in answer.headers
    assert (await auditor.get(f"/audit/{log}", params=period)).status_code == 200, "it needs no window"


INDEXED = [
    ("access", {}),
    ("access", {"request_id": "day-32"}),
    ("access", {"error_code": "teapot"}),
    ("access", {"ip": "192.0.2.7"}),
    *(("access", {name: "01890000-0000-7000-8000-000000000000"}) for name in ("actor_id", "owner_id", "subject_id")),
    ("access", {"item_id": "01890000-0000-7000-8000-000000000000", "method": "GET"}),
    ("access", {"call_id": "01890000-0000-7000-8000-000000000000", "method": "GET"}),
    ("changes", {"entity": "task", "entity_id": "1", "action": "create", "field": "title"}),
    ("changes", {"call_id": "01890000-0000-7000-8000-000000000000", "reason": "x"}),
]


@pytest.mark.parametrize(("log", "filters"), INDEXED)
async def test_a_filter_with_an_index_needs_no_window(
    database: Database, signed_in_as: SignedInAs, log: str, filters: dict[str, Any]
) -> None:
    auditor = await signed_in_as("audit:read")
    await add_entries(database, [32])

    answer = await auditor.get(f"/audit/{log}", params={**filters, "at_gte": "2020-01-01T00:00:00Z"})

    assert answer.status_code == 200, answer.text
    assert "audit-window" not in answer.headers
    if filters.keys() & {"request_id", "entity"}:
        assert days_of(answer) == ["day-32"]


@pytest.mark.parametrize("sort", ["-at", "at", "id"])
async def test_the_pages_of_a_list_have_the_window_of_the_first(
    database: Database, signed_in_as: SignedInAs, sort: str
) -> None:
    auditor = await signed_in_as("audit:read")
    await add_entries(database, [1, 2, 3])
    first = await auditor.get("/audit/access", params={"status": 418, "sort": sort, "limit": 1})
    await add_entries(database, [-1])  # after the window, so that it ends there
    found, answer = days_of(first), first

    while answer.links:
        answer = await auditor.get(str(answer.links["next"]["url"]).removeprefix("/api/v1"))
        assert window_of(answer) == window_of(first)
        found += days_of(answer)

    assert sorted(found) == ["day-1", "day-2", "day-3"]


@pytest.mark.parametrize("kind", ["text/csv", "application/x-ndjson"])
async def test_a_file_says_its_window(database: Database, signed_in_as: SignedInAs, kind: str) -> None:
    auditor = await signed_in_as("audit:read")
    await add_entries(database, [1, 32])
    await seal_all(sealer_of(database))

    answer = await auditor.get("/audit/changes", params={"field": "title"}, headers={"Accept": kind})

    assert window_of(answer)[1] - window_of(answer)[0] == WIDTH
    assert "day-1" in answer.text
    assert "day-32" not in answer.text
