"""Closed months go to files, are compared with the tree, and leave PostgreSQL, whenever the process is killed."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.core.db.engine import Database
from app.modules.audit.archive.archiver import Archiver
from app.modules.audit.archive.command import archive, restore
from app.modules.audit.archive.entry_file import read_groups
from app.modules.audit.entries.canonical import encode
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.verifier.command import verify
from tests.core.db.triggers import execute_without_triggers
from tests.modules.audit.archive.buckets import open_bucket
from tests.modules.audit.archive.months import (
    archive_into,
    count_stored,
    fill_months,
    in_month,
    manifests_of,
    recorded,
)
from tests.modules.audit.sealer.sealed import add_changes, change_values, read_all, run_sql, sealed_ids
from tests.roles import open_as_owner

ARCHIVED = [(log, month, "archive") for log in ("changes", "access") for month in ("2025-11", "2025-12")]


@pytest.fixture
async def filled(database: Database) -> Database:
    """Both logs with three closed months, of which each has twelve entries."""
    await fill_months(database)
    return open_as_owner(database)


async def entries_of(database: Database, log: Log, month: str) -> dict[int, bytes]:
    """The canonical bytes of the stored entries of a month."""
    rows = await read_all(database, select(log.table).where(log.table.c.stored_at == in_month(month)))
    return {row.id: encode(dict(row._mapping)) for row in rows}


async def test_a_closed_month_goes_to_files(filled: Database, tmp_path: Path) -> None:
    before = await entries_of(filled, Log.changes, "2025-12")
    ids = await sealed_ids(filled)

    manifests = await archive_into(tmp_path / "a", filled)

    assert [(each.log, each.month, each.count) for each in manifests] == [
        (log, month, 12) for log in ("access", "changes") for month in ("2025-11", "2025-12")
    ]
    manifest = manifests[-1]
    manifest.verify([signer.key for signer in load_signers(filled.settings)[Log.changes]])
    assert manifest.note
    stored = [each for group in read_groups(tmp_path / "a" / manifest.file.name) for each in group]
    assert {each.id: each.entry for each in stored} == before
    assert [ids[each.seq - 1] for each in stored] == [each.id for each in stored]
    assert [each.seq for each in stored] == list(range(manifest.first_seq, manifest.last_seq + 1))
    assert {each.at for each in stored} == {in_month("2025-12")}
    is_kept = filled.settings.is_sqlite
    for log in Log:
        assert [await count_stored(filled, log, month) for month in ("2025-11", "2025-12", "2026-01")] == [
            12 * is_kept,
            12 * is_kept,
            12,
        ]
    assert await recorded(filled) == ARCHIVED


async def test_what_is_archived_is_not_archived_again(filled: Database, tmp_path: Path) -> None:
    await archive_into(tmp_path / "a", filled)

    result = await archive(filled, before="2026-01", to=str(tmp_path / "b"))

    assert (result.lines, result.exit_code) == (["There is nothing to archive."], 0)
    assert await recorded(filled) == ARCHIVED


async def test_one_log_is_archived_as_json_too(filled: Database, tmp_path: Path) -> None:
    before = await entries_of(filled, Log.changes, "2025-11")

    manifests = await archive_into(tmp_path / "a", filled, "2025-12", json_gz=True, log=[Log.changes])

    assert len(manifests) == 1
    assert manifests[0].json_gz
    lines = gzip.decompress((tmp_path / "a" / manifests[0].json_gz.name).read_bytes()).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(manifests[0].first_seq, manifests[0].last_seq + 1))
    assert [line.partition(b'"entry":')[2][:-1] for line in lines] == [before[number] for number in sorted(before)]


async def test_the_default_folder_is_below_the_state(filled: Database) -> None:
    await archive(filled, before="2025-12")
    assert len(manifests_of(filled.settings.state_dir / "archive")) == 2


async def test_archives_go_to_and_come_from_a_url(filled: Database, tmp_path: Path) -> None:
    """As to a bucket; where it cannot be written to, nothing is dropped."""
    place = f"file://{tmp_path}"
    result = await archive(filled, before="2025-12", to=place)
    assert result.exit_code == 0, result.lines
    again = await restore(filled, f"{place}/{manifests_of(tmp_path)[0].name}")
    assert again.exit_code == filled.settings.is_sqlite, again.lines

    refused = await archive(filled, before="2026-01", to="nonsense://bucket")
    assert (refused.exit_code, refused.lines[0][:8]) == (1, "Refused:")
    missing = await restore(filled, f"{place}/unknown.json")
    assert (missing.exit_code, missing.lines[0][:8]) == (1, "Refused:")


async def test_archives_go_to_and_come_from_a_bucket(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "s3://archive/some/logs"
    with open_bucket() as bucket:
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        result = await archive(filled, before="2025-12", to=place, json_gz=True, log=[Log.access])
        assert result.exit_code == 0, result.lines
        manifest = result.lines[0].rpartition(": ")[2]
        kept = {path.removeprefix("/archive/some/logs/"): content for path, content in bucket.objects.items()}
        for name, content in kept.items():
            (tmp_path / name).write_bytes(content)
        verified = await verify(filled, archive=[tmp_path])
        again = await restore(filled, f"{place}/{manifest}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
        refused = await archive(filled, before="2025-12", to=place, log=[Log.changes])

    assert sorted(name.partition(".")[2] for name in kept) == ["json", "json.gz", "parquet"]
    assert manifest in kept
    assert verified.exit_code == 0, verified.lines
    assert again.exit_code == filled.settings.is_sqlite, again.lines
    assert (refused.exit_code, refused.lines[0][:8]) == (1, "Refused:")
    assert await count_stored(filled, Log.changes, "2025-11") == 12


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (f"{now() + timedelta(days=40):%Y-%m}", "is not over"),
        ("2026-13", "is no month such as 2026-01"),
        ("yesterday", "is no month such as 2026-01"),
    ],
)
async def test_a_month_that_is_not_over_is_refused(database: Database, before: str, reason: str) -> None:
    result = await archive(database, before=before)
    assert result.exit_code == 1
    assert reason in result.lines[0]


async def test_a_month_with_entries_that_are_not_sealed_is_refused(filled: Database, tmp_path: Path) -> None:
    await add_changes(filled, 2, stored_at=in_month("2025-12"))

    result = await archive(filled, before="2026-01", to=str(tmp_path / "a"))

    assert result.exit_code == 1
    assert "2 entries of changes 2025-12 are not sealed yet" in result.lines[0]
    assert await recorded(filled) == ARCHIVED[:1]
    assert await count_stored(filled, Log.changes, "2025-12") == 14


STEPS = ("write", "describe", "upload", "read_back", "upload_manifest", "finish")


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_what_was_interrupted_is_continued(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, is_after: bool
) -> None:
    before = await entries_of(filled, Log.changes, "2025-11")
    original = getattr(Archiver, step)

    async def die(self: Archiver, *arguments: Any) -> None:
        if is_after:
            await original(self, *arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Archiver, step, die)
        with pytest.raises(Killed):
            await archive(filled, before="2025-12", to=str(tmp_path / "a"), log=[Log.changes])
    is_done = step == "finish" and is_after
    assert len(await recorded(filled)) == is_done

    result = await archive(filled, before="2025-12", to=str(tmp_path / "a"), log=[Log.changes])

    assert result.exit_code == 0, result.lines
    assert await recorded(filled) == ARCHIVED[:1]
    [manifest] = {each.file.name: each for each in manifests_of(tmp_path / "a")}.values()
    found = [each for group in read_groups(tmp_path / "a" / manifest.file.name) for each in group]
    assert {each.id: each.entry for each in found} == before
    assert await count_stored(filled, Log.changes, "2025-11") == 12 * filled.settings.is_sqlite


async def test_an_entry_that_comes_late_is_not_lost(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that began before the end of the month commits while the month is archived."""
    if filled.settings.is_sqlite:
        pytest.skip("SQLite drops nothing")
    original = Archiver.upload_manifest

    async def add_one(self: Archiver, *arguments: Any) -> None:
        await original(self, *arguments)
        await add_changes(filled, 1, stored_at=in_month("2025-11"))

    monkeypatch.setattr(Archiver, "upload_manifest", add_one)

    result = await archive(filled, before="2025-12", to=str(tmp_path / "a"), log=[Log.changes])

    assert result.exit_code == 1
    assert "has got entries since" in result.lines[0]
    assert await count_stored(filled, Log.changes, "2025-11") == 13
    assert await recorded(filled) == []


async def test_an_entry_that_was_changed_is_not_archived(filled: Database, tmp_path: Path) -> None:
    """The archive would otherwise pass for what was sealed."""
    ids = await sealed_ids(filled)
    table, seq = Log.changes.table, len(ids) - 30
    forged = table.update().where(table.c.id == ids[seq - 1]).values(entity_id="another")
    await execute_without_triggers(filled.settings, table.name, forged)

    result = await archive(filled, before="2026-02", to=str(tmp_path / "a"), log=[Log.changes])

    assert result.exit_code == 1
    assert result.lines[0] == f"Refused: seq {seq}: the archived entry {ids[seq - 1]} is not what was sealed"
    assert await recorded(filled) == []


async def test_a_month_is_restored(filled: Database, tmp_path: Path) -> None:
    before = await entries_of(filled, Log.access, "2025-12")
    manifest = (await archive_into(tmp_path / "a", filled))[1]

    result = await restore(filled, str(tmp_path / "a" / manifest.name))

    assert await entries_of(filled, Log.access, "2025-12") == before
    if filled.settings.is_sqlite:
        assert result.exit_code == 1
        assert "nothing was dropped" in result.lines[0]
        return
    assert result.lines == ["access 2025-12: 12 entries are back."]
    assert await recorded(filled) == [*ARCHIVED, ("access", "2025-12", "restore")]
    for attack in ("UPDATE {} SET status = 1", "DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} SELECT * FROM {}"):
        with pytest.raises(DBAPIError, match="can only be added to"):
            await run_sql(filled, text(attack.format(*["audit_access_2025_12"] * 2)))
    again = await restore(filled, str(tmp_path / "a" / manifest.name))
    assert "is not archived, or was restored" in again.lines[0]

    await archive_into(tmp_path / "a", filled)
    assert (await recorded(filled))[-1] == ("access", "2025-12", "archive")
    assert await count_stored(filled, Log.access, "2025-12") == 0


async def test_a_forged_archive_is_not_restored(filled: Database, tmp_path: Path) -> None:
    if filled.settings.is_sqlite:
        pytest.skip("SQLite drops nothing")
    manifest = (await archive_into(tmp_path / "a", filled))[1]
    path = tmp_path / "a" / manifest.file.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    result = await restore(filled, str(tmp_path / "a" / manifest.name))

    assert result.exit_code == 1
    assert "is not what its manifest says" in result.lines[0]
    assert await count_stored(filled, Log.access, "2025-12") == 0


async def test_inserts_go_on_beside_archives(filled: Database, tmp_path: Path) -> None:
    await archive_into(tmp_path / "a", filled)
    await run_sql(filled, insert(Log.changes.table).values({**change_values(), "stored_at": in_month("2025-12")}))
    assert await count_stored(filled, Log.changes, "2025-12") == (13 if filled.settings.is_sqlite else 1)
