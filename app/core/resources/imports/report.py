"""The parameters of an import, and its report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.field_errors import MAX_LINE_ERRORS, FieldError
from app.core.http.import_batches import Position
from app.core.resources.schemas import ResponseSchema

MAX_LINES = 1000
"""Lines that a report lists, besides those with errors."""
Mode = Literal["create", "update", "upsert"]


class ImportQuery(BaseModel):
    """What an import does, how it treats errors, and where it begins."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "create"
    """`create`: each row is a new item. `update`: each row changes the item with its `id`, or with its unique value.
    `upsert`: a row for which there is no such item creates one."""
    on_error: Literal["abort", "stop"] = "abort"
    """`abort`: all rows or none. `stop`: the rows before the first invalid one."""
    dry_run: bool = False
    """Keep nothing: only validate the file, with `stop` up to the first invalid row."""
    decimal: Literal["point", "comma"] | None = None
    """The decimal sign of amounts in a CSV file; without it, that of the first amount that shows it."""
    from_line: int = Field(1, ge=1, le=2**31)
    """Leave out the rows before this line. The header of a CSV file is read anyway."""


class ImportOrder(BaseModel):
    """What a job imports, and how."""

    path: str
    """The path of the list: see `declared.resources`."""
    query: ImportQuery
    needs_version: bool
    """Whether a row that changes an item must name its version."""


class LineError(ResponseSchema):
    """An error in one line of the file."""

    line: int
    """The number of the line, from 1."""
    pointer: str
    """The field: `/body/<line>/<field>`."""
    detail: str
    """What is wrong, in a sentence."""
    code: str
    """A stable code."""
    params: dict[str, str | int | bool | list[str] | None]
    """The values that the sentence names, for clients that translate it."""


class LineResult(ResponseSchema):
    """What one line of the file did."""

    line: int
    """The number of the line, from 1."""
    result: Literal["created", "updated"]
    """What it did."""
    id: UUID | None
    """The item; null for one that is not created yet."""
    fields: list[str] = Field(max_length=1000)
    """The fields that it changed; none for a new item."""


class ImportReport(ResponseSchema):
    """The result of an import."""

    dry_run: bool
    """Whether nothing was kept because a dry run was requested."""
    created: int
    """The number of created items."""
    updated: int
    """The number of changed items."""
    unchanged: int
    """The number of rows that say what is stored already. They leave no entry in the change log."""
    failed: int
    """The number of refused rows."""
    stopped_at_line: int | None
    """The first line that was not kept, for `from_line`; null if the whole file was read."""
    lines: list[LineResult] = Field(max_length=MAX_LINES)
    """The first lines of this request that created or changed something, at most 1000."""
    errors: list[LineError] = Field(max_length=MAX_LINE_ERRORS)
    """The first errors, at most 100."""


@dataclass(frozen=True)
class Effect:
    """What one row did, or would do."""

    result: Literal["created", "updated", "unchanged"]
    id: UUID | None = None
    fields: tuple[str, ...] = ()


NOWHERE = Position()


@dataclass
class ImportProgress:
    """The result of an import so far. It begins with what an earlier request with the same key did."""

    start: Position = NOWHERE
    failed: int = 0
    stopped_at_line: int | None = None
    errors: list[FieldError] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.counts.update(self.start.counts())

    def add(self, line: int, effect: Effect) -> None:
        self.counts[effect.result] += 1
        if effect.result != "unchanged" and len(self.lines) < MAX_LINES:
            item = str(effect.id) if effect.id is not None else None
            self.lines.append({"line": line, "result": effect.result, "id": item, "fields": list(effect.fields)})

    def add_errors(self, line: int, errors: Sequence[FieldError]) -> None:
        self.failed += 1
        room = MAX_LINE_ERRORS - len(self.errors)
        self.errors += [{**error, "pointer": f"/body/{line}{error['pointer']}"} for error in errors[:room]]

    def report(self, *, dry_run: bool) -> dict[str, Any]:
        lines = [{**line, "id": None} if dry_run and line["result"] == "created" else line for line in self.lines]
        errors = [{"line": int(error["pointer"].split("/")[2]), **error} for error in self.errors]
        return {
            "dry_run": dry_run,
            "created": self.counts["created"],
            "updated": self.counts["updated"],
            "unchanged": self.counts["unchanged"],
            "failed": self.failed,
            "stopped_at_line": self.stopped_at_line,
            "lines": lines,
            "errors": errors,
        }
