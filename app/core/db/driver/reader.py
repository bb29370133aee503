"""Runs selects: SQLAlchemy compiles them, the driver executes them, and the rows are SQLAlchemy's rows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.engine import Dialect

from app.core.db.driver.link import Link
from app.core.db.driver.pool import Pool
from app.core.db.driver.shapes import Call, Shapes, allow_selects, as_database_error

Check = Callable[[Link], Awaitable[bool]]
Listener = Callable[[str, Sequence[Any]], None]
"""Is told each statement, with its values, before it is sent."""


class UnfitLink(Exception):
    """The connection that was free is not fit for the statement."""


class Reader:
    """Runs selects, each by itself on a connection of a pool."""

    def __init__(self, dialect: Dialect, pool: Pool) -> None:
        self.dialect = dialect
        self.pool = pool
        self.shapes = Shapes(dialect, allow_selects)
        self.listeners: list[Listener] = []

    async def fetch(self, statement: object, values: Mapping[str, Any] | None = None) -> list[Row[*tuple[Any, ...]]]:
        """The rows of a select. Raises SQLAlchemyError, DatabaseUnavailable, and TypeError for any other statement."""
        call = self.shapes.bind(statement, values)
        return call.shape.rows(await self.send(call))

    async def fetch_if(
        self, is_fit: Check, statement: object, values: Mapping[str, Any] | None = None
    ) -> list[Row[*tuple[Any, ...]]] | None:
        """The same; None where the connection that is free is not fit for it."""
        call = self.shapes.bind(statement, values)
        try:
            return call.shape.rows(await self.send(call, is_fit))
        except UnfitLink:
            return None

    async def send(self, call: Call, is_fit: Check | None = None) -> Sequence[Sequence[Any]]:
        """Run a statement. A connection on which it did not come to its end is not used again. Raises UnfitLink."""
        for listener in self.listeners:
            listener(call.sql, call.values)
        link = await self.pool.take()
        is_usable = False
        try:
            if is_fit is not None and not await is_fit(link):
                raise UnfitLink
            rows = await fetch_rows(link, call)
            is_usable = True
        except UnfitLink:
            is_usable = True
            raise
        except Exception as error:
            is_usable = link.is_open()
            raise error_of(link, error, call.sql, self.dialect) from error
        finally:
            if is_usable:
                self.pool.give(link)
            else:
                self.pool.drop(link)
        return rows

    async def dispose(self) -> None:
        await self.pool.dispose()


async def fetch_rows(link: Link, call: Call) -> Sequence[Sequence[Any]]:
    """The rows of a statement, as the driver has them. Raises the driver's errors."""
    shape, sql, values = call
    if not shape.is_described:
        shape.describe(await link.describe(sql))
    return await link.fetch(sql, values)


def error_of(link: Link, error: Exception, sql: str, dialect: Dialect) -> Exception:
    """`error` of the driver, as SQLAlchemy raises it."""
    return as_database_error(link.translate(error), sql, dialect, is_lost=not link.is_open())
