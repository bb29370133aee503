"""Demo data, one file a module: the same names and numbers on every run, with dates near today and random passwords.

Seeding again does not restore what was renamed or deleted.
"""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from types import ModuleType
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity
from app.core.db.session import Session
from app.modules import routers
from app.modules.roles import ModuleService

SEED_SECONDS = 600.0


def files() -> Iterator[ModuleType]:
    """The files of demo data: each after those that its `AFTER` names, because its rows refer to theirs."""
    names = sorted(file.name for file in iter_modules(__path__))
    found = {name: import_module(f"{__name__}.{name}") for name in names}
    order = TopologicalSorter({name: getattr(file, "AFTER", ()) for name, file in found.items()})
    return (found[name] for name in order.static_order())


async def seed(database: Database, count: int) -> dict[str, str]:
    """Add missing demo data, all or nothing: `count` products, customers and tasks.

    Returns the generated passwords by user name; nothing stores them in clear.
    """
    credentials: dict[str, str] = {}
    declared = [router.module for router in routers() if router.module]
    async with database.unit_of_work(RequestContext.for_job("seed", SEED_SECONDS)) as session:
        await ModuleService(session).synchronize(declared)
        for file in files():
            credentials |= await file.seed(session, count)
    return credentials


async def is_new(session: Session, model: type[Entity]) -> bool:
    """Whether the table never had a row, deleted ones included."""
    statement = select(func.count()).select_from(model).execution_options(include_deleted=True)
    return not await session.value(statement)


async def first_id(session: Session, model: type[Entity]) -> UUID | None:
    """The id of the oldest visible row; None without any."""
    found: UUID | None = await session.value(select(col(model.id)).order_by(col(model.created_at)).limit(1))
    return found


def seeded_random(name: str) -> Random:
    """A random generator that gives the same numbers on every run."""
    return Random(f"attest/{name}")  # noqa: S311  # demo data is no secret
