"""Demo data, one file a module; planting again adds nothing that was renamed or deleted."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from app.core.context import RequestContext
from app.core.db import Database
from app.modules import discover
from app.modules.rbac import sync_modules

ORDER = ("users", "roles")
"""What others refer to comes first; the rest follows by name."""


def files() -> Iterator[ModuleType]:
    names = [found.name for found in iter_modules(__path__)]
    for name in sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        yield import_module(f"{__name__}.{name}")


async def plant(database: Database) -> dict[str, str]:
    """Add what is missing, all or nothing. Returns the passwords made, by user name; nothing stores them in clear."""
    credentials: dict[str, str] = {}
    declared = [module.router.module for module in discover("router") if module.router.module]
    async with database.unit_of_work(RequestContext.of_job("seed")) as session:
        await sync_modules(session, declared)
        for file in files():
            credentials |= await file.plant(session)
    return credentials
