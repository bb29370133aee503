"""Migrations that add derived columns fill them for the rows that are stored."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, column, insert, select, table

from alembic import command
from app.core.clock import now
from app.core.config import Settings
from app.core.db import derived, migrations
from app.core.db.column_types import Instant, Money
from app.core.db.entity import table_of
from app.core.db.full_text import matches_search
from app.modules.products.models import Product
from tests.core.db.test_data_migrations import empty, run

__all__ = ["empty"]  # the fixture

BEFORE = "5be2d07f94a6"
PRICES = {"EUR": ("19.9", 2), "JPY": ("1990", 0), "KWD": ("0.1", 3), "HRK": ("19.9", 2), "ZZZ": ("1.2345", 4)}


def add_products(connection: Connection) -> None:
    at = [column("created_at", Instant()), column("updated_at", Instant())]
    names = ("version", "sku", "name", "description", "currency", "stock", "status")
    old: Any = table("product", column("id"), *at, column("price", Money()), *map(column, names))
    for currency, (price, _) in PRICES.items():
        values = {"version": 1, "sku": currency, "name": "हिन्दी", "stock": 0, "status": "draft"}
        number = uuid4() if connection.dialect.name == "postgresql" else uuid4().hex
        own = {"id": number, "created_at": now(), "updated_at": now(), "price": Decimal(price), "currency": currency}
        connection.execute(insert(old).values({**values, **own}))


def read_products(connection: Connection) -> list[Any]:
    products, is_sqlite = table_of(Product), connection.dialect.name == "sqlite"
    found = matches_search(products, "हिन्दी", is_sqlite=is_sqlite)
    return list(connection.execute(select(products.c.currency, products.c.price_places).where(found)))


def test_stored_rows_are_found_and_keep_their_decimal_places(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "ROWS_AT_ONCE", 2)
    command.upgrade(migrations.config(empty), BEFORE)
    run(empty, add_products)

    command.upgrade(migrations.config(empty), "head")
    found = run(empty, read_products)
    command.downgrade(migrations.config(empty), BEFORE)
    command.upgrade(migrations.config(empty), "head")

    assert sorted(found) == sorted((currency, places) for currency, (_, places) in PRICES.items())
    assert sorted(run(empty, read_products)) == sorted(found)
