"""Declares the pruning of sessions and of the login log."""

from collections.abc import Iterable
from datetime import timedelta

from app.core.config import Settings
from app.core.db.pruning import PruneRule, old_entities, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.modules.sessions.models import AuthSession, LoginAttempt


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    kept = settings.retention
    return [
        old_entities(AuthSession, "expires_at", timedelta(days=kept.session_days)),
        old_rows(LoginAttempt, "at", timedelta(days=kept.login_days)),
    ]


HOOKS = ModuleHooks(prune_rules=prune_rules)
