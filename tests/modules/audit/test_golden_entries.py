"""The canonical bytes of entries are what they always were: a change of them would break every proof made before."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Table, Uuid, insert, select
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.column_types import Instant
from app.core.db.engine import Database
from app.modules.audit.entries.canonical import ENTRY_FORMAT, encode
from tests.modules.audit.master_keys import change_by_sql

GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "golden_entries.json").read_text())
"""Entries by the names of their columns, and their canonical bytes."""

each_entry = pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["log"])


def value_of(column: "Column[Any]", value: Any) -> Any:
    """A value of the file, in the type of its column."""
    if isinstance(column.type, Instant):
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(column.type, Uuid) else value


@each_entry
async def test_a_stored_entry_has_the_bytes_of_the_golden_file(
    database: Database, job: RequestContext, golden: dict[str, Any]
) -> None:
    log: Table = SQLModel.metadata.tables[golden["log"]]
    values = {name: value_of(log.c[name], value) for name, value in golden["entry"].items()}
    await change_by_sql(database, insert(log).values({"xid": None, **values}))

    row = await database.read_session(job).first(select(log).where(log.c.id == values["id"]))

    assert row is not None
    assert encode(dict(row._mapping)) == golden["bytes"].encode()


@each_entry
def test_the_golden_bytes_are_plain_json_with_sorted_names(golden: dict[str, Any]) -> None:
    """As any other program can write them, with nothing of ours."""
    written = json.dumps(golden["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert written == golden["bytes"]
    assert golden["entry"]["format"] == ENTRY_FORMAT
