"""Parquet files of entries, compressed by zstd.

Values are int64, double, bool, UTC timestamps in microseconds, and strings: UUIDs as their text, documents as JSON. The
library is imported with the first file, because that takes long.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import orjson
from pydantic import BaseModel, TypeAdapter

GROUP = 5000
"""Entries of a row group, which is the unit that is compressed and read."""
TRAILER = "attest.trailer"
"""The key of the trailer in the metadata of the footer."""


class HashedBytes:
    """A file for a library to write to: it keeps the bytes until they are taken, and their SHA-256."""

    closed = False

    def __init__(self) -> None:
        self.hash = sha256()
        self.waiting = bytearray()
        self.size = 0

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self.waiting += data
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Do nothing: all bytes are there at once."""

    def take(self) -> bytes:
        """The bytes since the last time."""
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


class ParquetFile:
    """A Parquet file. The SHA-256 in its trailer is that of every byte before the footer, which has the trailer."""

    def __init__(self, item: type[BaseModel]) -> None:
        import pyarrow as pa  # noqa: PLC0415  # takes long, and few processes need it
        from pyarrow import parquet  # noqa: PLC0415

        self.arrow = pa
        self.adapter = TypeAdapter(item)
        types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), datetime: pa.timestamp("us", tz="UTC")}
        fields = {name: plain_type(field.annotation) for name, field in item.model_fields.items()}
        self.schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in fields.items()])
        self.sink = HashedBytes()
        self.writer = parquet.ParquetWriter(self.sink, self.schema, compression="zstd")
        self.group: list[Any] = []
        self.length = 0

    def add(self, rows: Sequence[Any]) -> bytes:
        values = (self.adapter.validate_python(row, from_attributes=True).model_dump() for row in rows)
        plain = [{name: to_plain(value) for name, value in row.items()} for row in values]
        self.group.append(self.arrow.RecordBatch.from_pylist(plain, schema=self.schema))
        self.length += len(plain)
        if self.length >= GROUP:
            self.write_group()
        return self.sink.take()

    def write_group(self) -> None:
        table = self.arrow.Table.from_batches(self.group, self.schema).combine_chunks()
        self.writer.write_table(table, row_group_size=len(table))
        self.group, self.length = [], 0

    def end(self, facts: Mapping[str, Any]) -> bytes:
        if self.length:
            self.write_group()
        trailer = orjson.dumps({**facts, "sha256": self.sink.hash.hexdigest()})
        self.writer.add_key_value_metadata({TRAILER: trailer.decode()})
        self.writer.close()
        return self.sink.take()


def plain_type(annotation: Any) -> Any:
    """The class of a value: that of `T | None` is `T`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation


def to_plain(value: Any) -> Any:
    """`value` as one of the types of a column."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return str(value) if isinstance(value, UUID) else value
