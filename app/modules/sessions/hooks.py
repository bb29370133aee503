"""Declares the pruning of sessions and of the login log, and ends the sessions of a user who is erased."""

from collections.abc import Iterable
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.pruning import PruneRule, old_entities, old_rows
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.modules.sessions.models import AuthSession, LoginAttempt
from app.modules.sessions.tokens.session_tokens import end_sessions


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    kept = settings.retention
    return [
        old_entities(AuthSession, "expires_at", timedelta(days=kept.session_days)),
        old_rows(LoginAttempt, "at", timedelta(days=kept.login_days)),
    ]


async def forget(session: Session, person: Person) -> None:
    """End the sessions of the person."""
    await end_sessions(session, person.id, "erased")


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


HOOKS = ModuleHooks(after=("audit",), install=install, prune_rules=prune_rules)
