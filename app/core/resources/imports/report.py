"""The parameters of an import, and its report."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import MAX_LINE_ERRORS, FieldError
from app.core.resources.schemas import ResponseSchema


class ImportQuery(BaseModel):
    """How an import treats errors, and where it begins."""

    model_config = ConfigDict(extra="forbid")

    on_error: Literal["abort", "stop"] = "abort"
    """`abort`: all rows or none. `stop`: the rows before the first invalid one."""
    dry_run: bool = False
    """Keep nothing: only validate the file, with `stop` up to the first invalid row."""
    from_line: int = Field(1, ge=1, le=2**31)
    """Leave out the rows before this line. The header of a CSV file is read anyway."""


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


class ImportReport(ResponseSchema):
    """The result of an import."""

    dry_run: bool
    """Whether nothing was kept because a dry run was requested."""
    created: int
    """The number of created items."""
    failed: int
    """The number of refused rows."""
    stopped_at_line: int | None
    """The first line that was not kept, for `from_line`; null if the whole file was read."""
    errors: list[LineError] = Field(max_length=MAX_LINE_ERRORS)
    """The first errors, at most 100."""


@dataclass
class ImportProgress:
    """The result of an import so far."""

    created: int = 0
    failed: int = 0
    stopped_at_line: int | None = None
    errors: list[FieldError] = field(default_factory=list)

    def add_errors(self, line: int, errors: list[FieldError]) -> None:
        self.failed += 1
        room = MAX_LINE_ERRORS - len(self.errors)
        self.errors += [{**error, "pointer": f"/body/{line}{error['pointer']}"} for error in errors[:room]]

    def report(self, *, dry_run: bool) -> dict[str, Any]:
        errors = [{"line": int(error["pointer"].split("/")[2]), **error} for error in self.errors]
        return {
            "dry_run": dry_run,
            "created": self.created,
            "failed": self.failed,
            "stopped_at_line": self.stopped_at_line,
            "errors": errors,
        }
