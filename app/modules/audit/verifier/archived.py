"""Looks archived entries up in the files of archives, for a verification."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from app.core.db.session import AnyRow
from app.modules.audit.archive.entry_file import EntryReader, Unreadable, describe
from app.modules.audit.archive.manifest import InvalidManifest, Manifest
from app.modules.audit.seal.note import InvalidNote, VerifierKey
from app.modules.audit.seal.tree import leaf_hash
from app.modules.audit.verifier.findings import LogReport


class OpenArchive:
    """The file of an archive. One group of its entries is in memory at a time."""

    def __init__(self, manifest: Manifest, path: Path) -> None:
        self.manifest = manifest
        self.reader = EntryReader(path)
        self.number = -1
        self.entries: dict[int, bytes] = {}

    def find(self, seq: int) -> bytes | None:
        """The entry at a place, None where it is missing or cannot be read. Places are looked up in their order."""
        while seq not in self.entries and self.number + 1 < self.reader.groups and seq > max(self.entries, default=0):
            self.number += 1
            with suppress(Unreadable):
                self.entries = {each.seq: each.entry for each in self.reader.read(self.number)}
        return self.entries.get(seq)


class ArchivedEntries:
    """The archives of one log: what the database has recorded, and what was given."""

    def __init__(self, report: LogReport, rows: Iterable[AnyRow]) -> None:
        self.report = report
        self.recorded: list[Manifest] = []
        self.given: list[OpenArchive] = []
        self.unseen = 0
        """Entries that are in an archive which was not given."""
        for row in rows:
            try:
                self.recorded += [Manifest.model_validate(row.manifest)] if row.is_dropped else []
            except ValidationError:
                report.obstacles.append(f"what is recorded of the archive {row.month} is no manifest")

    def open(self, folders: Sequence[Path], keys: Sequence[VerifierKey]) -> None:
        """Open the archives in some folders. What is wrong with a manifest or a file is reported."""
        found = list(self.read_manifests(path for folder in folders for path in sorted(folder.rglob("*.json"))))
        given = {manifest.digest for _, manifest in found}
        for path, manifest in found:
            self.open_one(manifest, path, keys)
            recorded = {each.digest for each in self.recorded if each.month == manifest.month}
            # beside the recorded one, it is what a run left that did not come to its end
            if recorded and not recorded & given:
                self.add(manifest, f"the manifest {path.name} is not the one that was recorded")

    def read_manifests(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Manifest]]:
        """The manifests of this log among some files."""
        for path in paths:
            try:
                manifest = Manifest.parse(path.read_bytes())
            except InvalidManifest as error:
                self.report.obstacles.append(f"{path.name}: {error}")
                continue
            if manifest.log == self.report.log:
                yield path, manifest

    def open_one(self, manifest: Manifest, path: Path, keys: Sequence[VerifierKey]) -> None:
        file = path.parent / manifest.file.name
        if not file.is_file():
            self.report.obstacles.append(f"the archive {path.name} is not complete: {file.name} is missing")
            return
        try:
            manifest.verify(keys)
        except InvalidNote as error:
            self.add(manifest, f"the manifest {path.name}: {error}")
        if describe(file, manifest.log, manifest.month).sha256 != manifest.file.sha256:
            self.add(manifest, f"the file {file.name} is not what its manifest says")
        try:
            self.given.append(OpenArchive(manifest, file))
        except Unreadable as error:
            self.add(manifest, str(error))

    def add(self, manifest: Manifest, detail: str) -> None:
        self.report.add("archive", detail, manifest.first_seq)

    def compare(self, seq: int, name: str, sealed: bytes | None) -> bytes | None:
        """The hash of the archived entry at a place; None where no given archive has it. A forged one is reported."""
        hashes = [None if entry is None else leaf_hash(entry) for entry in self.look_up(seq)]
        for found in hashes:
            if found is None:
                self.report.add("archive", f"{name} is missing in its archive", seq)
            elif sealed is not None and found != sealed:
                self.report.add("archive", f"{name} is not in its archive as it was sealed", seq)
        return next((found for found in hashes if found is not None), sealed) if hashes else None

    def look_up(self, seq: int) -> list[bytes | None]:
        """The entry at a place, from each given archive that should have it."""
        return [each.find(seq) for each in self.given if each.manifest.has(seq)]

    def is_recorded(self, seq: int) -> bool:
        """Whether the database says that the entry at a place is in an archive only."""
        return any(manifest.has(seq) for manifest in self.recorded)

    def report_unseen(self) -> None:
        """Say how many entries nothing tells of: neither that they are what was sealed, nor that they are not."""
        if self.unseen:
            detail = f"{self.unseen} archived entries were not looked at; `--archive` with their folder verifies them"
            self.report.obstacles.append(detail)
