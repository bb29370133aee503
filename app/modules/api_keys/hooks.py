"""Revokes the API keys of a user who is erased."""

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.modules.api_keys.repository import ApiKeyRepository


async def forget(session: Session, person: Person) -> None:
    """Revoke the keys of the person, and forget from where they were used."""
    rows = ApiKeyRepository(session)
    for row in await rows.load_all_of(person.id):
        row.revoked_at = row.revoked_at or now()
    await rows.forget_uses(person.id)


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


HOOKS = ModuleHooks(after=("audit",), install=install)
