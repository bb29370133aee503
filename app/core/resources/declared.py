"""The resources of the application, by the path of their list: for work that has no request."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.core.db.pagination import EntityQuery
from app.core.resources.imports.file_format import ItemSchemas
from app.core.resources.service import Service


@dataclass(frozen=True)
class DeclaredResource:
    """What a list shows, and what an import of it takes."""

    module: str
    """The slug of the module, whose permissions it needs."""
    export_permission: str | None
    """The permission that files of the list need besides, where the module declares one."""
    service: type[Service[Any]]
    query: type[EntityQuery]
    schemas: ItemSchemas
    importable: type[BaseModel] | None
    """The schema of a row of an import; None where there is none."""


resources: dict[str, DeclaredResource] = {}
"""Those that were declared in this process, by the path of their list below that of the API (`/tasks`)."""
