"""Files of archived entries: Parquet, compressed by Zstandard, and the same as JSON."""

import gzip
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from app.modules.audit.archive.manifest import NAME_DIGITS, ArchiveFile

GROUP = 4000
"""Entries that are compressed together, and are in memory at a time."""
PIECE_BYTES = 1024 * 1024


class Unreadable(Exception):
    """A file, or a group of its entries, cannot be read."""


class ArchivedEntry(NamedTuple):
    """An entry of an archive."""

    seq: int
    id: int
    at: Any
    stored_at: Any
    entry: bytes
    """Its canonical bytes."""


def schema() -> Any:
    """The columns of a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415  # large, and a server does not need it

    instant = pa.timestamp("us", tz="UTC")
    kinds = (pa.int64(), pa.int64(), instant, instant, pa.binary())
    return pa.schema(list(zip(ArchivedEntry._fields, kinds, strict=True)))


class EntryWriter:
    """Writes entries in the order of the log."""

    def __init__(self, path: Path, *, json_gz: bool) -> None:
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415

        self.schema = schema()
        self.parquet = ParquetWriter(path, self.schema, compression="zstd")
        self.json = gzip.GzipFile(path.with_suffix(".json.gz"), "wb", mtime=0) if json_gz else None
        self.waiting: list[ArchivedEntry] = []

    def add(self, entries: Sequence[ArchivedEntry]) -> None:
        self.waiting += entries
        if len(self.waiting) >= GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits as a group of its own."""
        if self.waiting:
            from pyarrow import Table  # noqa: PLC0415

            rows = [each._asdict() for each in self.waiting]
            self.parquet.write_table(Table.from_pylist(rows, schema=self.schema))
        if self.json:
            lines = (b'{"seq":%d,"entry":%b}\n' % (each.seq, each.entry) for each in self.waiting)
            self.json.write(b"".join(lines))
        self.waiting = []

    def close(self) -> None:
        self.flush()
        self.parquet.close()
        if self.json:
            self.json.close()


class EntryReader:
    """Reads the groups of a Parquet file. Raises Unreadable."""

    def __init__(self, path: Path) -> None:
        from pyarrow import ArrowException  # noqa: PLC0415
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415

        self.errors = (ArrowException, OSError, KeyError, ValueError)
        try:
            self.file = ParquetFile(path)
        except self.errors as error:
            raise Unreadable(f"{path.name} is no Parquet file") from error
        self.groups: int = self.file.num_row_groups

    def read(self, number: int) -> list[ArchivedEntry]:
        """The entries of one group."""
        try:
            group = self.file.read_row_group(number)
            columns = (group.column(name).to_pylist() for name in ArchivedEntry._fields)
            return [ArchivedEntry(*row) for row in zip(*columns, strict=True)]
        except self.errors as error:
            raise Unreadable(f"group {number} of the file is damaged") from error

    def close(self) -> None:
        self.file.close()


def read_groups(path: Path) -> Iterator[list[ArchivedEntry]]:
    """The entries of a Parquet file, a group at a time. Raises Unreadable."""
    reader = EntryReader(path)
    try:
        for number in range(reader.groups):
            yield reader.read(number)
    finally:
        reader.close()


def describe(path: Path, log: str, month: str) -> ArchiveFile:
    """What a manifest says of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    suffix = "".join(path.suffixes)
    name = f"{log}-{month}-{digest.hexdigest()[:NAME_DIGITS]}{suffix}"
    return ArchiveFile(name=name, bytes=path.stat().st_size, sha256=digest.hexdigest())


def decode_entry(entry: bytes) -> dict[str, Any]:
    """The document of an entry."""
    document: dict[str, Any] = orjson.loads(entry)
    return document
