"""Declares the pruning of unused addresses."""

from collections.abc import Iterable
from datetime import timedelta

from app.core.config import Settings
from app.core.db.pruning import PruneRule, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.modules.downloads.models import Download


def prune_rules(_settings: Settings) -> Iterable[PruneRule]:
    return [old_rows(Download, "expires_at", timedelta(0))]


HOOKS = ModuleHooks(prune_rules=prune_rules)
"""Nothing happens at the start."""
