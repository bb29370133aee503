"""What an import does with its rows: create items, or change those that exist."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from app.core.db.session import ReadSession, Session
from app.core.db.uniqueness import SeenKeys
from app.core.resources.imports.file_format import FileFormat, Values
from app.core.resources.imports.report import Effect
from app.core.resources.imports.rows import Row
from app.core.resources.imports.sets import ImportedSets
from app.core.resources.schemas import Schema
from app.core.resources.service import Service


class ImportMode(Protocol):
    """What an import does with its rows."""

    form: FileFormat

    def begin(self) -> AbstractContextManager[object]:
        """Encloses a walk over the whole file."""

    def read(self, values: Values) -> Any:
        """What a row gives, as `check` and `write` take it. Raises NotValid."""

    async def check(self, rows: Sequence[Row], session: ReadSession, seen: SeenKeys) -> Sequence[Effect]:
        """What `rows` would do; nothing is written. Raises what `write` would raise. `seen` has the rows before."""

    async def write(self, rows: Sequence[Row], session: Session) -> Sequence[Effect]:
        """Write `rows`, and return what each did. Raises a Problem, or an error of the database."""

    def remember(self, effects: Sequence[Effect]) -> None:
        """Take note of rows that are written for good."""


class Creating:
    """Each row is a new item. It can name the members of its sets."""

    def __init__(self, service: type[Service[Any]], form: FileFormat, sets: ImportedSets) -> None:
        self.service = service
        self.form = form
        self.sets = sets

    def begin(self) -> AbstractContextManager[object]:
        return nullcontext()

    def read(self, values: Values) -> Schema:
        return self.form.create(values)

    async def check(self, rows: Sequence[Row], session: ReadSession, seen: SeenKeys) -> Sequence[Effect]:
        service = self.service(session)
        items = await self.sets.with_ids(session, [row for _, row in rows])
        await service.rows.check_all([service.build(item) for item in items], seen)
        return [Effect("created")] * len(rows)

    async def write(self, rows: Sequence[Row], session: Session) -> Sequence[Effect]:
        items = await self.sets.with_ids(session, [row for _, row in rows])
        return [Effect("created", item.id) for item in await self.service(session).create_many(items)]

    def remember(self, effects: Sequence[Effect]) -> None:
        """Rows of new items depend on no earlier ones."""
