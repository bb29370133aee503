"""Rewrites tables that can only be added to, as an owner of the database could who takes away their triggers."""

from typing import Any

from sqlalchemy import text

from app.core.config import Settings
from app.core.db.connecting import create_engine
from tests.roles import as_owner

STORED = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"


async def execute_without_triggers(settings: Settings, table: str, statement: Any) -> None:
    """Execute `statement` in a transaction without the triggers of `table`, which are there again afterwards."""
    async with create_engine(as_owner(settings)).begin() as connection:
        if not settings.is_sqlite:
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            await connection.execute(statement)
            await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
            return
        triggers = (await connection.execute(text(STORED), {"table": table})).all()
        for name, _ in triggers:
            await connection.execute(text(f"DROP TRIGGER {name}"))
        await connection.execute(statement)
        for _, sql in triggers:
            await connection.exec_driver_sql(sql)
