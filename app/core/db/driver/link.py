"""What a connection of either driver can do."""

from collections.abc import Sequence
from typing import Any, Protocol


class Link(Protocol):
    """A connection that is open and set up. One statement runs on it at a time. It raises the errors of the driver."""

    opened_at: float
    """When it was opened (monotonic)."""

    def is_open(self) -> bool:
        """False once the other end has closed it."""
        ...

    async def describe(self, sql: str) -> Sequence[object]:
        """The type codes of the columns that `sql` returns, as result processors ask for them."""
        ...

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of `sql`, as the driver has them."""
        ...

    async def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run a statement that returns no rows. Returns how many it wrote."""
        ...

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int | None:
        """Run it with the values of each of `rows`. Returns how many it wrote, if the driver tells."""
        ...

    async def command(self, sql: str) -> str:
        """Run a command without values, such as COMMIT. Returns the command that the database carried out."""
        ...

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert many rows at once."""
        ...

    def translate(self, error: Exception) -> Exception:
        """`error` of the driver as an error of the DBAPI, which SQLAlchemy's errors are made from."""
        ...

    async def close(self) -> None:
        """Stop the statement that runs, and close. It takes seconds at most, and raises nothing."""
        ...
