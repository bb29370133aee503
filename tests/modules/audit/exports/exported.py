"""Reads an export with nothing of the application, and checks its trailer."""

import csv
import io
import json
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pyarrow.parquet as pq
from sqlalchemy import select

from app.core.db.engine import Database
from app.modules.audit.seal.checkpoint import open_checkpoint
from app.modules.audit.seal.note import Note, VerifierKey
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.sealer.sealed import keys, newest_checkpoint, read_all
from tests.people import Person

CSV, NDJSON, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
KINDS = [CSV, NDJSON, PARQUET]


@dataclass
class Exported:
    """An export: its entries, its trailer, and the bytes before the trailer."""

    rows: list[dict[str, Any]]
    trailer: dict[str, Any]
    covered: bytes

    @property
    def seqs(self) -> list[int]:
        return [int(row["seq"]) for row in self.rows]


def read_export(kind: str, content: bytes) -> Exported:
    """Read a file of this media type. Raises ValueError if it has no trailer."""
    if kind == PARQUET:
        file = pq.ParquetFile(io.BytesIO(content))
        [length] = struct.unpack("<I", content[-8:-4])
        trailer = json.loads(file.metadata.metadata[b"attest.trailer"])
        return Exported(file.read().to_pylist(), trailer, content[: len(content) - 8 - length])
    *lines, last = content.splitlines(keepends=True)
    before = b"".join(lines)
    trailer = json.loads(last.removeprefix(b"# "))["trailer"]
    if kind == CSV:
        assert last.startswith(b"# ")
        return Exported(list(csv.DictReader(io.StringIO(before.decode(), newline=""))), trailer, before)
    return Exported([json.loads(line) for line in lines], trailer, before)


async def export(person: Person, path: str, kind: str, /, **params: Any) -> Exported:
    answer: httpx.Response = await person.get(f"/audit/{path}", params=params, headers={"Accept": kind})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert "link" not in answer.headers
    return read_export(kind, answer.content)


async def check_export(database: Database, found: Exported, log: Log) -> None:
    """Check that the trailer tells of what is before it, under a checkpoint that covers it."""
    trailer, seqs = found.trailer, found.seqs
    assert seqs == sorted(set(seqs))
    assert trailer["log"] == log
    assert trailer["count"] == len(seqs)
    assert (trailer["first_seq"], trailer["last_seq"]) == ((seqs[0], seqs[-1]) if seqs else (None, None))
    assert trailer["sha256"] == sha256(found.covered).hexdigest()
    known = await read_all(database, select(keys).where(keys.c.log == log.value))
    note = Note.parse(trailer["checkpoint"].encode())
    checkpoint = open_checkpoint(note, [VerifierKey.parse(row.key) for row in known])
    assert checkpoint == (await newest_checkpoint(database, log))[0]
    assert checkpoint.size >= (trailer["last_seq"] or 0)
