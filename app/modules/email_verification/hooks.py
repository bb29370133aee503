"""Removes the verification of a user who is erased."""

from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import Session
from app.core.http.module_hooks import ModuleHooks
from app.modules.email_verification.repository import EmailVerificationRepository


async def forget(session: Session, person: Person) -> None:
    """Remove the verification of the person."""
    row = await EmailVerificationRepository(session).load_of(person.id)
    if row is not None:
        session.remove(row)


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


HOOKS = ModuleHooks(after=("audit",), install=install)
