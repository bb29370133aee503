"""The connections of a process that write, and the statements that it has compiled for them."""

from sqlalchemy.engine import Dialect

from app.core.db.driver.pool import Pool
from app.core.db.driver.reader import Listener
from app.core.db.driver.shapes import Check, Shapes
from app.core.db.unit_of_work.writes import Writes


class Writers:
    """What the transactions of a process share."""

    def __init__(self, dialect: Dialect, pool: Pool, check: Check) -> None:
        self.dialect = dialect
        self.is_sqlite = dialect.name == "sqlite"
        self.pool = pool
        self.shapes = Shapes(dialect, check)
        """Of the statements that a unit of work is given."""
        self.writes = Writes(dialect)
        """Those that it writes itself."""
        self.listeners: list[Listener] = []

    async def dispose(self) -> None:
        await self.pool.dispose()
