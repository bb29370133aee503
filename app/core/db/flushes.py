"""When a repository writes what it changed: at once, or with the changes of other rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from app.core.db.session import Session


class Writes(Protocol):
    """A repository that writes."""

    is_batch: bool

    @property
    def writer(self) -> Session: ...


async def write_changes(rows: Writes) -> None:
    """Write what was changed, unless a batch does it later."""
    if not rows.is_batch:
        await rows.writer.flush()


@asynccontextmanager
async def one_flush(rows: Writes) -> AsyncIterator[None]:
    """Write what `rows` changes in the block at its end, with as many statements as for one row."""
    rows.is_batch = True
    try:
        yield
    finally:
        rows.is_batch = False
    await write_changes(rows)
