"""Removes the invitation and the reset of a user who is erased, and old ones."""

from collections.abc import Iterable
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.pruning import PruneRule, old_entities
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.modules.invitations.models import Invitation, PasswordReset
from app.modules.invitations.repository import InvitationRepository, PasswordResetRepository


async def forget(session: Session, person: Person) -> None:
    """Remove the invitation and the reset of the person."""
    for rows in (InvitationRepository(session), PasswordResetRepository(session)):
        row = await rows.load_of(person.id)
        if row is not None:
            session.remove(row)


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    age = timedelta(days=settings.retention.session_days)
    return [old_entities(model, "expires_at", age) for model in (Invitation, PasswordReset)]


HOOKS = ModuleHooks(after=("audit",), install=install, prune_rules=prune_rules)
