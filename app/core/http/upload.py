"""A file that comes in, and what it may not be."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import IO

import structlog

from app.core.errors import Unavailable, UnsupportedMediaType

log = structlog.get_logger(__name__)

IN_MEMORY_BYTES = 1024 * 1024
ARCHIVE, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How an .xlsx, .ods or .numbers file begins, and how an .xls file does."""


class SpreadsheetFile(UnsupportedMediaType):
    """The file is the workbook of a spreadsheet, not one of its sheets as text."""

    code = "spreadsheet-file"
    remedy = "Save the sheet as CSV in the spreadsheet program, and send that file."


@dataclass
class Upload:
    """A file that comes in."""

    file: IO[bytes]
    kind: str
    """Its media type: CSV or NDJSON, once it is complete."""
    name: str | None = None
    """What it is called, where it comes in a form."""
    size: int = 0
    """Its bytes, however far it is read."""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    """Its SHA-256."""

    def write(self, chunk: bytes) -> None:
        """Add to the file. Raises SpreadsheetFile for the beginning of a workbook, Unavailable where a disk is full."""
        if self.size == 0:
            refuse_workbook(chunk)
        try:
            self.file.write(chunk)
            self.file.flush()  # else the last bytes fail when they are read
        except OSError as error:
            log.error("upload_not_stored", cause=os.strerror(error.errno or 0))
            raise Unavailable("There is no room for the file now; try again later.") from error
        self.size += len(chunk)
        self.digest.update(chunk)


def refuse_workbook(beginning: bytes) -> None:
    """Raise SpreadsheetFile for the beginning of a workbook, whatever its media type says."""
    if beginning.startswith((ARCHIVE, COMPOUND)):
        raise spreadsheet_file()


def spreadsheet_file() -> SpreadsheetFile:
    return SpreadsheetFile(
        "This is a workbook of a spreadsheet (.xlsx, .xls or .ods). Save the sheet as CSV (in Excel: CSV UTF-8)"
        " and send that."
    )
