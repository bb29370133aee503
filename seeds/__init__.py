"""Demo data, one file a module: the same names and numbers on every run, with dates near today and random passwords.

Planting again adds nothing that was renamed or deleted.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from types import ModuleType

from sqlalchemy import func, select

from app.core.context import RequestContext
from app.core.db import Database, Session
from app.core.model import Entity
from app.modules import discover
from app.modules.rbac import sync_modules

ORDER = ("users", "roles", "brands", "categories")
"""What others refer to comes first; the rest follows by name."""


def files() -> Iterator[ModuleType]:
    names = [found.name for found in iter_modules(__path__)]
    for name in sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        yield import_module(f"{__name__}.{name}")


async def plant(database: Database, count: int) -> dict[str, str]:
    """Add what is missing, all or nothing: `count` products, customers and tasks.

    Returns the passwords made, by user name; nothing stores them in clear.
    """
    credentials: dict[str, str] = {}
    declared = [module.router.module for module in discover("router") if module.router.module]
    async with database.unit_of_work(RequestContext.of_job("seed")) as session:
        await sync_modules(session, declared)
        for file in files():
            credentials |= await file.plant(session, count)
    return credentials


async def is_new(session: Session, model: type[Entity]) -> bool:
    """Whether there never was a row: what somebody deleted stays deleted."""
    statement = select(func.count()).select_from(model).execution_options(include_deleted=True)
    return not await session.value(statement)


def dice(name: str) -> Random:
    """Chance that falls the same way on every run."""
    return Random(f"attest/{name}")  # noqa: S311  # demo data is no secret
