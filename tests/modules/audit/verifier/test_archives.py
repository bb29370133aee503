"""Archived entries are verified, and a forged archive is found; without the archive nothing is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from app.core.db.engine import Database
from app.modules.audit.archive.archiver import Archiver
from app.modules.audit.archive.command import archive, restore
from app.modules.audit.archive.entry_file import describe
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.verifier.command import verify, verify_logs
from app.modules.audit.verifier.findings import LogReport, Verdict
from tests.modules.audit.archive.months import archive_into, fill_months, in_month
from tests.modules.audit.sealer.sealed import add_changes, run_sql, seal_all, sealed_ids, sealer_of
from tests.roles import open_as_owner


@dataclass
class Archived:
    """A database with an archive of the changes of two months."""

    database: Database
    folder: Path
    manifest: Manifest
    """That of the second month."""

    @property
    def file(self) -> Path:
        return self.folder / self.manifest.file.name

    async def verify(self, *folders: Path, first: int = 1) -> LogReport:
        """The report of the changes."""
        real = [signer.key for signers in load_signers(self.database.settings).values() for signer in signers]
        reports, _ = await verify_logs(self.database, [], real, first, folders)
        return reports[0]

    def rewrite(self, change: dict[int, bytes], *, leave_out: Sequence[int] = ()) -> None:
        """Write other entries into the file at some places."""
        found = pq.read_table(self.file)
        rows = [row for row in found.to_pylist() if row["seq"] not in leave_out]
        rows = [{**row, "entry": change.get(row["seq"], row["entry"])} for row in rows]
        pq.write_table(pa.Table.from_pylist(rows, schema=found.schema), self.file, compression="zstd")

    def renew_manifest(self, *, is_signed: bool) -> None:
        """Write a manifest that fits the file as it is."""
        file = describe(self.file, self.manifest.log, self.manifest.month)
        renewed = self.manifest.model_copy(update={"file": file.model_copy(update={"name": self.file.name})})
        if is_signed:
            renewed = renewed.sign(load_signers(self.database.settings)[Log.changes])
        (self.folder / self.manifest.name).write_bytes(bytes(renewed))

    def entry_at(self, seq: int) -> bytes:
        entry: bytes = pq.read_table(self.file, filters=[("seq", "=", seq)]).to_pylist()[0]["entry"]
        return entry


@pytest.fixture
async def archived(database: Database, tmp_path: Path) -> Archived:
    await fill_months(database)
    manifests = await archive_into(tmp_path / "a", database, log=[Log.changes])
    return Archived(database, tmp_path / "a", manifests[1])


async def test_with_the_archive_the_whole_log_is_verified(archived: Archived) -> None:
    report = await archived.verify(archived.folder)
    assert report.verdict is Verdict.intact, report.lines()
    assert report.verified == report.size


async def test_without_the_archive_it_cannot_be_told(archived: Archived) -> None:
    """Neither is the entry missing, nor is it what was sealed."""
    report = await archived.verify()

    if archived.database.settings.is_sqlite:
        assert report.verdict is Verdict.intact
        return
    assert report.verdict is Verdict.unknown, report.lines()
    assert (report.total, report.verified) == (0, report.size - 24)
    assert "24 archived entries were not looked at" in report.obstacles[0]
    rest = await archived.verify(first=archived.manifest.last_seq + 1)
    assert rest.verdict is Verdict.intact, rest.lines()


async def test_a_folder_that_is_not_there_is_told_of(archived: Archived, tmp_path: Path) -> None:
    """Regression: it passed for a folder without archives. A bucket has to be copied first."""
    for place in (tmp_path / "unknown", Path("s3://archive/logs")):
        result = await verify(archived.database, archive=[archived.folder, place])
        assert result.exit_code == Verdict.unknown
        assert f"cannot tell: {place} is no folder of this host" in result.lines


async def test_a_restored_month_is_verified(archived: Archived) -> None:
    if archived.database.settings.is_sqlite:
        pytest.skip("SQLite drops nothing")
    await restore(open_as_owner(archived.database), str(archived.folder / archived.manifest.name))
    report = await archived.verify()
    assert "12 archived entries were not looked at" in report.obstacles[0]
    assert (await archived.verify(archived.folder)).verdict is Verdict.intact


async def test_a_flipped_byte_is_found(archived: Archived) -> None:
    content = bytearray(archived.file.read_bytes())
    content[len(content) // 3] ^= 4
    archived.file.write_bytes(content)

    report = await archived.verify(archived.folder)

    assert report.verdict is Verdict.forged
    named = f"seq {archived.manifest.first_seq}: the file {archived.file.name} is not what its manifest says"
    assert named in map(str, report.findings)


@pytest.mark.parametrize("is_signed", [False, True])
async def test_a_changed_entry_is_found_though_the_manifest_was_renewed(archived: Archived, *, is_signed: bool) -> None:
    """With the real key, too: the tree is what counts."""
    seq = archived.manifest.first_seq + 4
    number = (await sealed_ids(archived.database))[seq - 1]
    archived.rewrite({seq: archived.entry_at(seq).replace(b'"b"', b'"c"')})
    archived.renew_manifest(is_signed=is_signed)

    report = await archived.verify(archived.folder)

    found = list(map(str, report.findings))
    assert f"seq {seq}: change {number} is not in its archive as it was sealed" in found
    assert len([line for line in found if "as it was sealed" in line]) == 1
    assert any("is not the one that was recorded" in line for line in found) != archived.database.settings.is_sqlite
    assert any("it is not what was signed" in line for line in found) != is_signed


async def test_an_entry_that_was_taken_out_is_found(archived: Archived) -> None:
    seq = archived.manifest.first_seq + 4
    number = (await sealed_ids(archived.database))[seq - 1]
    archived.rewrite({}, leave_out=[seq])
    archived.renew_manifest(is_signed=True)

    report = await archived.verify(archived.folder)

    assert f"seq {seq}: change {number} is missing in its archive" in map(str, report.findings)


async def test_a_file_that_is_no_archive_is_named(archived: Archived) -> None:
    archived.file.write_bytes(b"PAR1 nothing")
    report = await archived.verify(archived.folder)
    assert report.verdict is Verdict.forged
    assert any("is no Parquet file" in str(finding) for finding in report.findings)


async def test_an_archive_without_its_file_is_not_looked_at(archived: Archived) -> None:
    archived.file.unlink()
    report = await archived.verify(archived.folder)
    assert report.verdict is Verdict.unknown, report.lines()


async def test_what_a_run_left_that_did_not_end_is_no_forgery(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the month got another entry before it was dropped, and the manifest of before passed for forged."""
    await fill_months(database)
    folder, original = tmp_path / "a", Archiver.upload_manifest

    async def add_one(self: Archiver, *arguments: Any) -> None:
        await original(self, *arguments)
        await add_changes(database, 1, stored_at=in_month("2025-11"))

    with monkeypatch.context() as patch:
        patch.setattr(Archiver, "upload_manifest", add_one)
        await archive(open_as_owner(database), before="2025-12", to=str(folder), log=[Log.changes])
    await seal_all(sealer_of(database))
    manifests = await archive_into(folder, database, "2025-12", log=[Log.changes])

    left = next(each for each in manifests if each.count == 12)
    archived = Archived(database, folder, left)
    report = await archived.verify(folder)
    assert report.verdict is Verdict.intact, report.lines()
    assert report.verified == report.size
    archived.file.write_bytes(archived.file.read_bytes()[:-1])
    assert (await archived.verify(folder)).verdict is Verdict.forged


async def test_what_no_archive_has_is_missing(archived: Archived) -> None:
    """Whoever drops a partition without an archive is found."""
    if archived.database.settings.is_sqlite:
        pytest.skip("SQLite drops nothing")
    seq = archived.manifest.last_seq + 1
    number = (await sealed_ids(archived.database))[seq - 1]
    await run_sql(archived.database, text("DROP TABLE audit_change_2026_01"))

    report = await archived.verify(archived.folder)

    assert str(report.findings[0]) == f"seq {seq}: change {number} is missing"
    assert report.total == 12
