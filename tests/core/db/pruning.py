"""Runs the pruning of a database until nothing is left to remove."""

from collections.abc import Iterable

from app.core.db.engine import Database
from app.core.db.pruning import Pruner, PruneRule
from app.modules import prune_rules


async def prune(database: Database, rules: Iterable[PruneRule] | None = None, batch: int = 2) -> None:
    """Apply `rules`, or those of all modules, in batches so small that most tests need several."""
    pruner = Pruner(database, prune_rules(database.settings) if rules is None else rules, batch)
    for rule in pruner.rules:
        while await pruner.apply(rule):
            pass
