"""Files of entries that end with a trailer, which has the SHA-256 of every byte before it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import orjson
from pydantic import BaseModel

from app.core.http.file_formats import CSV, NDJSON, csv_writer, ndjson_writer
from app.modules.audit.exports.parquet import ParquetFile

Facts = Mapping[str, Any]
"""What a trailer says, besides the SHA-256."""


class ExportFile(Protocol):
    """A file that is written piece by piece."""

    def add(self, rows: Sequence[Any]) -> bytes:
        """The bytes that `rows` add; they can be late."""

    def end(self, facts: Facts) -> bytes:
        """The rest of the file, with its trailer."""


class TextFile:
    """A file of lines, the last of which is the trailer: in CSV a comment."""

    def __init__(self, item: type[BaseModel], kind: str) -> None:
        self.write = csv_writer(item) if kind == CSV else ndjson_writer(item)
        self.before, self.after = (b"# ", b"\r\n") if kind == CSV else (b"", b"\n")
        self.hash = sha256()

    def add(self, rows: Sequence[Any]) -> bytes:
        written = self.write(rows)
        self.hash.update(written)
        return written

    def end(self, facts: Facts) -> bytes:
        trailer = {"trailer": {**facts, "sha256": self.hash.hexdigest()}}
        return self.before + orjson.dumps(trailer) + self.after


def new_file(item: type[BaseModel], kind: str) -> ExportFile:
    """An empty file of the media type `kind`."""
    return TextFile(item, kind) if kind in (CSV, NDJSON) else ParquetFile(item)
