"""Request and response schemas of imports and exports by jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.http.file_options import ItemFileOptions
from app.core.resources.imports.report import ImportReport
from app.core.resources.schemas import ResponseSchema, Schema, example

Path = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^/[A-Za-z0-9/._~-]*$")]
Query = Annotated[str, Field(max_length=4000, pattern=r"^[\x21-\x7e]*$")]


class ExportCreate(Schema):
    """A list that a job writes to a file."""

    model_config = example(path="/api/v1/tasks", query="status=todo&format=csv&separator=semicolon&bom=true")

    path: Path
    """The path of the list."""
    query: Query
    """Its query: filters, order, and the `format` of the file."""


class ExportOrder(BaseModel):
    """What a job exports, and how."""

    path: str
    """The path of the list: see `declared.resources`."""
    query: dict[str, Any]
    """The parameters of the list that were given."""
    fields: tuple[str, ...]
    """The fields of the items that are written; none for all."""
    kind: str
    """The media type of the file."""
    options: ItemFileOptions


class ExportResult(BaseModel):
    """What an export has written."""

    rows: int
    bytes: int
    sha256: str
    """The digest of the file, in hexadecimal digits."""


class ImportResult(BaseModel):
    """What an import has done."""

    created: int
    updated: int
    unchanged: int
    failed: int
    dry_run: bool


class TransferRead(ResponseSchema):
    """The file of a job: one that it imports, or that it writes."""

    id: UUID
    """The job."""
    direction: Literal["import", "export"]
    """Whether the job imports it or writes it."""
    path: str
    """The list, below the path of the API."""
    name: str
    """What the file is called."""
    media_type: str
    """What it is: CSV or NDJSON."""
    size: int
    """Its bytes, as far as it is written."""
    is_ready: bool
    """Whether `/file` has it: an exported file that is complete and was not fetched."""
    report: ImportReport | None
    """What an import did, line by line; null until its job has ended, and for an export."""
    expires_at: datetime
    """When all of it is removed."""
