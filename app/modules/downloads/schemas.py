"""Request and response schemas of one-time addresses."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.core.resources.schemas import ResponseSchema, Schema, example

Path = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^/[A-Za-z0-9/._~-]*$")]
Query = Annotated[str, Field(max_length=4000, pattern=r"^[\x21-\x7e]*$")]


class DownloadCreate(Schema):
    """A list, evidence, or the file of a job, that is to be downloaded."""

    model_config = example(path="/api/v1/tasks", query="status=todo&format=csv&separator=semicolon&bom=true")

    path: Path
    """The path of the list, of `/audit/evidence/…`, or of `/transfers/{id}/file`."""
    query: Query
    """Its query: filters, order, and for a list the `format` of the file."""


class DownloadRead(ResponseSchema):
    """A one-time address."""

    url: str
    """The address, without host. It works once, without credentials, as long as the session lives."""
    expires_at: datetime
    """When the address ends."""
