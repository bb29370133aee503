"""The query parameters by which a client chooses how a list is written to a file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class FileOptions(BaseModel):
    """How a file is written that a list makes of itself."""

    model_config = ConfigDict(frozen=True)

    format: Literal["csv", "ndjson", "parquet"] | None = None
    """The list as a file of this format, where a client cannot send `Accept`."""


class TextFileOptions(FileOptions):
    """How a list is written as CSV or NDJSON."""

    format: Literal["csv", "ndjson"] | None = None
    """The list as a file of this format, where a client cannot send `Accept`."""
    bom: bool = False
    """Begin a CSV file with a byte order mark, by which Excel reads it as UTF-8."""
    separator: Literal["comma", "semicolon", "tab"] = "comma"
    """What separates the cells of a CSV file."""
    decimal: Literal["point", "comma"] = "point"
    """The decimal sign of amounts in a CSV file. An import takes commas where cells are not separated by commas."""


class ItemFileOptions(TextFileOptions):
    """How items are written that can also be imported."""

    columns: Literal["all", "importable"] = "all"
    """Every column of a file, or those that an import of new items takes."""


DEFAULT = ItemFileOptions()
