"""Answers questions on stdin with the CPU seconds that units of work took, as the programs of the peers do."""

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from uuid import UUID, uuid4

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.main import open_database
from app.modules.brands.models import Brand
from app.modules.categories.models import Category
from app.modules.products.models import Product
from app.modules.tasks.models import Task

BULK = 100
DESCRIPTION = "a few words"
Write = Callable[[Session], Awaitable[None]]


def new_task() -> Task:
    return Task(title="bench", description=DESCRIPTION)


async def create(session: Session) -> None:
    session.add(new_task())


async def create_many(session: Session) -> None:
    for _ in range(BULK):
        session.add(new_task())


async def prepare(database: Database) -> Mapping[str, Write]:
    """Create the first rows. Returns the kinds of writes."""
    task, brand, category = new_task(), Brand(name="Lumen"), Category(name="Lamps")
    ids: tuple[UUID, UUID, UUID] = task.id, brand.id, category.id
    async with database.unit_of_work(RequestContext.for_job("bench")) as session:
        for row in (task, brand, category):
            session.add(row)

    async def update(session: Session) -> None:
        found = await session.load(Task, ids[0])
        if found is not None:
            found.title = uuid4().hex

    async def create_product(session: Session) -> None:
        product = Product(sku=uuid4().hex, name="Desk lamp, brass", price=Decimal("19.90"), currency="EUR")
        product.brand_id, product.category_id = ids[1], ids[2]
        session.add(product)

    return {"create": create, "update": update, "create product": create_product, "bulk of 100": create_many}


async def answer() -> None:
    """Answer until stdin ends."""
    database = open_database(Settings())
    kinds = await prepare(database)
    print("=ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        kind, number = json.loads(line)
        started = time.process_time()
        for _ in range(number):
            async with database.unit_of_work(RequestContext.for_job("bench")) as session:
                await kinds[kind](session)
        print(f"={time.process_time() - started}", flush=True)
    await database.dispose()


if __name__ == "__main__":
    if os.environ["CHANGE_LOG"] == "none":
        importlib.import_module("scripts.bench.unlogged")
    asyncio.run(answer())
