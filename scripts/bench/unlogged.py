"""`python -m scripts.bench.unlogged`: the application without its audit log, to measure what that costs.

The product has no such switch: here the hooks of the module are replaced before the application is made.
"""

from collections.abc import Sequence
from typing import Any

from app.core.db.engine import Database
from app.core.http.module_hooks import ModuleHooks
from app.modules.audit import hooks
from app.modules.audit.changes.capture import ChangeRecorder


class NoRecorder:
    """Gives no change an entry."""

    form = ChangeRecorder.form

    async def record(self, _session: Any, _changes: Sequence[Any]) -> Sequence[Any]:
        return []


def install(database: Database) -> None:
    """Let `database` write without a change log."""
    database.hooks.recorder = NoRecorder()


hooks.HOOKS = ModuleHooks(install=install)

if __name__ == "__main__":
    from app.cli import cli

    cli()
