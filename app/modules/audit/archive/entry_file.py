"""Files of archived entries: Parquet, compressed by Zstandard, and the same as JSON."""

import gzip
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from app.modules.audit.archive.manifest import NAME_DIGITS, ArchiveFile

GROUP = 4000
"""Entries that are compressed together, and are in memory at a time."""
PIECE_BYTES = 1024 * 1024
INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [("seq", pa.int64()), ("id", pa.int64()), ("at", INSTANT), ("stored_at", INSTANT), ("entry", pa.binary())]
)


class ArchivedEntry(NamedTuple):
    """An entry of an archive."""

    seq: int
    id: int
    at: Any
    stored_at: Any
    entry: bytes
    """Its canonical bytes."""


class EntryWriter:
    """Writes entries in the order of the log."""

    def __init__(self, path: Path, *, json_gz: bool) -> None:
        self.path = path
        self.json_path = path.with_suffix(".json.gz") if json_gz else None
        self.parquet = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self.json = gzip.GzipFile(self.json_path, "wb", mtime=0) if self.json_path else None
        self.waiting: list[ArchivedEntry] = []

    def add(self, entries: Sequence[ArchivedEntry]) -> None:
        self.waiting += entries
        if len(self.waiting) >= GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits as a group of its own."""
        if self.waiting:
            columns = zip(*self.waiting, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            self.parquet.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        if self.json:
            lines = (b'{"seq":%d,"entry":%b}\n' % (each.seq, each.entry) for each in self.waiting)
            self.json.write(b"".join(lines))
        self.waiting = []

    def close(self) -> None:
        self.flush()
        self.parquet.close()
        if self.json:
            self.json.close()


def read_groups(path: Path) -> Iterator[list[ArchivedEntry]]:
    """The entries of a Parquet file, a group at a time. Raises the errors of `pyarrow`."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield read_group(file, number)


def read_group(file: pq.ParquetFile, number: int) -> list[ArchivedEntry]:
    """The entries of one group."""
    group = file.read_row_group(number)
    columns = (group.column(name).to_pylist() for name in ArchivedEntry._fields)
    return [ArchivedEntry(*row) for row in zip(*columns, strict=True)]


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
