"""What the API says of entries that are in an archive only."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.session import ReadSession
from app.modules.audit.archive.command import restore
from app.modules.audit.sealer.logs import Log
from tests.answers import refusals, statuses
from tests.core.db.triggers import execute_without_triggers
from tests.modules.audit.archive.months import archive_into, fill_months, in_month, manifests_of
from tests.modules.audit.entries import changes_table as entries
from tests.modules.audit.sealer.followers import OpenRequest
from tests.modules.audit.sealer.sealed import add_changes, seal_all, sealed_ids, sealer_of
from tests.people import Person, SignedInAs
from tests.roles import open_as_owner


@pytest.fixture
async def archived(database: Database, tmp_path: Path) -> Path:
    """The folder of an archive of two months of both logs."""
    await fill_months(database)
    await archive_into(tmp_path / "a", database)
    return tmp_path / "a"


@pytest.fixture
async def reader(signed_in_as: SignedInAs, archived: Path) -> Person:
    return await signed_in_as("audit:read")


PERIODS = {
    "": "2025-11, 2025-12",
    "?at_gte=2025-12-01T00:00:00Z": "2025-12",
    "?at_lt=2025-12-01T00:00:00Z": "2025-11",
    "?at_gte=2026-01-01T00:00:00Z": None,
    "?at_gte=2025-12-01T00:00:00Z&reason=unknown": "2025-12",
    "?reason=unknown": None,
}


async def test_a_question_that_reaches_into_an_archive_says_so(
    database: Database, reader: Person, archived: Path
) -> None:
    timeline, own = f"/audit/actors/{reader.id}/timeline", "/auth/me/changes"
    for path in ("/audit/changes", "/audit/access", timeline, own):
        for period, expected in PERIODS.items():
            if path in (timeline, own) and "reason" in period:
                continue
            response = await reader.get(f"{path}{period}")
            assert response.status_code == 200, response.text
            told = None if database.settings.is_sqlite else expected
            assert response.headers.get("Audit-Archived") == told, (path, period)


def archive_behind_the_question(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Archive once a request has read which months are archived. The event says that it has."""
    read, was_asked = ReadSession.all, asyncio.Event()

    async def read_and_archive(session: ReadSession, statement: Any, *values: Any) -> Any:
        found = await read(session, statement, *values)
        if not was_asked.is_set() and "audit_archive" in str(statement):
            was_asked.set()
            await archive_into(folder, database)
        return found

    monkeypatch.setattr(ReadSession, "all", read_and_archive)
    return was_asked


@pytest.mark.parametrize(
    "question",
    [
        "changes?at_gte=2025-12-01T00:00:00Z&at_lt=2026-01-01T00:00:00Z",
        "access?at_gte=2025-12-01T00:00:00Z&at_lt=2026-01-01T00:00:00Z",
        "feed?after={after}&limit=12",
        "actors/{actor}/timeline?at_gte=2025-12-01T00:00:00Z&at_lt=2026-01-01T00:00:00Z",
    ],
)
async def test_what_is_archived_while_it_is_read_is_there_or_told_of(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    """Regression: it was asked what is archived before the entries were read, so that neither was there."""
    reader, at, actor = await signed_in_as("audit:read"), in_month("2025-12"), uuid4()
    await fill_months(database)
    await add_changes(database, 12, at=at, stored_at=at, actor_id=actor)
    await seal_all(sealer_of(database))
    was_asked = archive_behind_the_question(database, tmp_path, monkeypatch)
    places = {"after": len(await sealed_ids(database)) - 12, "actor": actor}
    response = await reader.get(f"/audit/{question.format(**places)}")

    assert response.status_code == 200, response.text
    assert was_asked.is_set()
    assert len(response.json()["items"]) >= 12 or "2025-12" in response.headers.get("Audit-Archived", "")


@pytest.mark.parametrize("log", ["changes", "access", "changes?at_gte=2025-12-01T00:00:00Z"])
async def test_a_file_of_which_a_month_is_archived_has_no_trailer(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    """Regression: it was without the entries of the month, and looked whole."""
    reader = await signed_in_as("audit:read")
    await fill_months(database)
    was_asked = archive_behind_the_question(database, tmp_path, monkeypatch)

    response = await reader.get(f"/audit/{log}", headers={"Accept": "application/x-ndjson"})

    assert response.status_code == 200, response.text
    assert was_asked.is_set()
    assert ("trailer" in response.text) == database.settings.is_sqlite


async def test_evidence_of_what_is_archived_meanwhile_names_the_month(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it was a 500."""
    reader = await signed_in_as("audit:read")
    await fill_months(database)
    was_asked = archive_behind_the_question(database, tmp_path, monkeypatch)

    response = await reader.get("/audit/evidence/changes?at_gte=2025-12-01T00:00:00Z")

    assert was_asked.is_set()
    if database.settings.is_sqlite:
        assert response.status_code == 200
        return
    assert (response.status_code, response.json()["code"]) == (404, "archived")
    assert response.headers["Audit-Archived"] == "2025-12"


async def test_all_that_is_stored_about_a_person_may_be_archived(
    database: Database, signed_in_as: SignedInAs, archived: Path
) -> None:
    """Regression: entries that are in an archive only were not there, and nothing said so."""
    admin = await signed_in_as(superuser=True)

    response = await admin.get(f"/users/{admin.id}/personal-data")

    assert response.status_code == 200, response.text
    told = None if database.settings.is_sqlite else "2025-11, 2025-12"
    assert response.headers.get("Audit-Archived") == told


@pytest.mark.parametrize("log", ["changes", "access"])
async def test_a_file_without_archived_entries_says_so(database: Database, reader: Person, log: str) -> None:
    """Regression: one of the whole log was without them, and said nothing."""
    for period, expected in {"": "2025-11, 2025-12", "?at_gte=2025-12-01T00:00:00Z": "2025-12"}.items():
        response = await reader.get(f"/audit/{log}{period}", headers={"Accept": "application/x-ndjson"})
        assert response.status_code == 200, response.text
        told = None if database.settings.is_sqlite else expected
        assert response.headers.get("Audit-Archived") == told, period


async def test_a_file_of_the_first_entries_has_so_many(database: Database, reader: Person, archived: Path) -> None:
    """Regression: those that are in an archive only were counted, and not there."""
    count = manifests_of(archived)[2].first_seq + 2

    response = await reader.get(f"/audit/changes?limit={count}", headers={"Accept": "application/x-ndjson"})

    assert response.status_code == 200, response.text
    *entries, end = map(json.loads, response.text.splitlines())
    assert (len(entries), end["trailer"]["count"]) == (count, count)


async def test_a_call_may_be_in_an_archive_of_either_log(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    """Regression: the months of changes stood in place of those of requests."""
    reader = await signed_in_as("audit:read")
    await fill_months(database)
    await archive_into(tmp_path / "a", database, log=[Log.access])
    await archive_into(tmp_path / "a", database, before="2025-12", log=[Log.changes])

    response = await reader.get(f"/audit/calls/{uuid4()}")

    assert response.status_code == 404
    told = None if database.settings.is_sqlite else "2025-11, 2025-12"
    assert response.headers.get("Audit-Archived") == told


async def test_a_proof_of_an_archived_entry_names_its_month(database: Database, reader: Person, archived: Path) -> None:
    manifest = manifests_of(archived)[-1]
    response = await reader.get(f"/audit/proofs/changes/{manifest.first_seq}")
    if database.settings.is_sqlite:
        assert response.status_code == 200
        return
    assert response.status_code == 404
    assert f"The entry {manifest.first_seq} of the log changes was archived with 2025-12." in response.text
    after = await reader.get(f"/audit/proofs/changes/{len(await sealed_ids(database))}")
    assert after.status_code == 200


async def test_an_archived_entry_names_its_month(database: Database, reader: Person, archived: Path) -> None:
    manifest = manifests_of(archived)[-1]
    response = await reader.get(f"/audit/changes/{manifest.first_id}")
    unknown = await reader.get("/audit/changes/999999999")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert "Audit-Archived" not in unknown.headers
    if database.settings.is_sqlite:
        assert (response.status_code, response.json()["id"]) == (200, manifest.first_id)
        return
    assert (response.status_code, response.json()["code"]) == (404, "archived")
    assert response.headers["Audit-Archived"] == "2025-12"
    assert f"The entry {manifest.first_seq} of the log changes was archived with 2025-12." in response.text
    await restore(open_as_owner(database), str(archived / manifest.name))
    assert (await reader.get(f"/audit/changes/{manifest.first_id}")).json()["id"] == manifest.first_id


async def test_an_item_whose_beginning_is_archived_is_not_shown_in_part(
    database: Database, signed_in_as: SignedInAs, tmp_path: Path
) -> None:
    """Regression: a revert left out the fields of which only an archived entry tells, and said nothing."""
    admin, at = await signed_in_as(superuser=True), in_month("2025-12")
    await fill_months(database)
    task = (await admin.post("/tasks", {"title": "a", "description": "b"})).json()["id"]
    created = update(entries).where(entries.c.entity_id == task).values(at=at, stored_at=at)
    await execute_without_triggers(database.settings, "audit_change", created)
    await admin.patch(f"/tasks/{task}", {"priority": "high"})
    high = f"{now():%Y-%m-%dT%H:%M:%S.%fZ}"
    await admin.patch(f"/tasks/{task}", {"description": "c"})
    await seal_all(sealer_of(database))
    await archive_into(tmp_path / "a", database)

    answers = {
        "before the first entry that is there": await admin.get(f"/tasks/{task}/as-of?at=2026-02-01T00:00:00Z"),
        "behind it": await admin.get(f"/tasks/{task}/as-of?at={high}"),
        "a difference": await admin.get(f"/tasks/{task}/diff?from={high}"),
        "a revert": await admin.post(f"/tasks/{task}/revert", {"at": high}, headers={"Audit-Reason": "x"}),
        "the history of another": await admin.get(f"/tasks/{uuid4()}/history"),
    }
    kept = (await admin.get(f"/tasks/{task}")).json()

    if database.settings.is_sqlite:
        assert statuses(answers) == dict(zip(answers, (200, 200, 200, 200, 404), strict=True))
        assert kept["description"] == "b"
        return
    younger = (await admin.post("/tasks", {"title": "made since"})).json()["id"]
    assert (await admin.get(f"/tasks/{younger}/as-of?at={now():%Y-%m-%dT%H:%M:%S.%fZ}")).status_code == 200
    assert refusals(answers) == dict.fromkeys(answers, (404, "archived"))
    assert {answer.headers["Audit-Archived"] for answer in answers.values()} == {"2025-11, 2025-12"}
    assert kept["description"] == "c"
    for manifest in manifests_of(tmp_path / "a")[3:]:
        await restore(open_as_owner(database), str(tmp_path / "a" / manifest.name))
    assert (await admin.get(f"/tasks/{task}/as-of?at={high}")).json()["description"] == "b"


async def test_the_feed_says_that_it_passes_an_archive(database: Database, reader: Person, archived: Path) -> None:
    manifest = manifests_of(archived)[2]
    response = await reader.get(f"/audit/feed?after={manifest.first_seq - 1}&limit=5")
    assert response.status_code == 200, response.text
    assert response.headers.get("Audit-Archived") == (None if database.settings.is_sqlite else "2025-11")
    later = await reader.get(f"/audit/feed?after={manifests_of(archived)[3].last_seq}&limit=5")
    assert "Audit-Archived" not in later.headers


async def test_a_stream_says_which_archives_it_will_pass(
    app: FastAPI, database: Database, reader: Person, archived: Path
) -> None:
    november, december = manifests_of(archived)[2:]
    places = {0: "2025-11, 2025-12", november.last_seq: "2025-12", december.last_seq: None}
    for place, months in places.items():
        async with OpenRequest(app, reader, "/audit/feed/stream", {"last-event-id": str(place)}) as stream:
            told = dict((await stream.head())["headers"]).get(b"audit-archived", b"").decode() or None
        assert told == (None if database.settings.is_sqlite else months), place


async def test_the_status_shows_the_oldest_entries_that_are_there(
    database: Database, reader: Person, archived: Path
) -> None:
    oldest = {each["log"]: each["oldest_at"] for each in (await reader.get("/audit/status")).json()["logs"]}
    first = in_month("2025-11" if database.settings.is_sqlite else "2026-01")
    assert oldest == dict.fromkeys(("changes", "access"), f"{first:%Y-%m-%dT%H:%M:%SZ}")


async def test_the_status_shows_archives(database: Database, reader: Person, archived: Path) -> None:
    shown = (await reader.get("/audit/status")).json()["archives"]
    is_dropped = not database.settings.is_sqlite
    assert [(each["log"], each["month"], each["count"], each["is_dropped"]) for each in shown] == [
        (log, month, 12, is_dropped) for log in ("changes", "access") for month in ("2025-11", "2025-12")
    ]
    assert {each["place"] for each in shown} == {str(archived)}
    if is_dropped:
        await restore(open_as_owner(database), str(archived / manifests_of(archived)[0].name))
        again = (await reader.get("/audit/status")).json()["archives"]
        assert [each["is_dropped"] for each in again] == [True, True, False, True]
        assert (await reader.get("/audit/access")).headers["Audit-Archived"] == "2025-12"
